// Lines that come by the thousand: put into the page by hand, as text, with a search that stays in the browser.
const HELD = 5000;

export default {
  template: `<div>
    <div class="lines-tools">
      <label class="field"><span>Search</span>
        <input type="search" class="input" v-model="wanted" spellcheck="false" autocomplete="off"></label>
      <label class="field"><input type="checkbox" v-model="only"> only lines that match</label>
      <span class="muted" role="status">{{ counted }}</span>
      <span class="push"></span>
      <button type="button" class="button" @click="clear">Clear</button>
      <button type="button" class="button" :aria-pressed="String(paused)" @click="pause">{{ paused ? resumes : "Pause" }}</button>
    </div>
    <div class="lines-frame">
      <div class="lines" ref="frame" role="log" aria-live="off" tabindex="0" :aria-label="label" @scroll.passive="scrolled"></div>
      <p v-if="!total" class="lines-empty muted">{{ empty }}</p>
      <button v-if="!atEnd" type="button" class="button lines-end" @click="toEnd">Newest ↓</button>
    </div></div>`,
  props: {
    label: { type: String, default: "" },
    empty: { type: String, default: "" },
    most: { type: Number, default: 2000 },
    search: { type: String, default: "" },
  },
  emits: ["search"],
  data() {
    return { wanted: this.search, only: true, paused: false, waiting: 0, missed: 0, total: 0, matching: 0, atEnd: true };
  },
  computed: {
    resumes() {
      return this.waiting ? `Resume (${this.waiting} new)` : "Resume";
    },
    counted() {
      const lines = `${this.total} ${this.total === 1 ? "line" : "lines"}`;
      const missed = this.missed ? `, ${this.missed} left out` : "";
      return this.wanted ? `${this.matching} of ${lines} match${missed}` : `${lines}${missed}`;
    },
  },
  watch: {
    wanted() {
      this.sift();
      this.$emit("search", this.wanted);
    },
    only() {
      this.sift();
    },
    most() {
      this.trim();
    },
  },
  created() {
    this.held = []; // what came while paused
  },
  methods: {
    // Each line: {parts: [[text, class, link]…], tone}.
    add(lines, missed, anew) {
      if (anew) this.clear();
      if (this.paused) {
        this.held.push(...lines);
        this.held.splice(0, this.held.length - HELD);
        this.waiting = this.held.length;
      } else {
        this.show(lines);
      }
      this.missed += missed;
    },
    show(lines) {
      const made = document.createDocumentFragment();
      for (const line of lines.slice(-this.most)) made.append(this.made(line));
      this.$refs.frame.append(made);
      this.total += Math.min(lines.length, this.most);
      this.trim();
      if (this.atEnd) this.toEnd();
    },
    made({ parts, tone }) {
      const row = document.createElement("div");
      if (tone) row.className = tone;
      for (const [text, look, link] of parts) {
        const part = document.createElement(link ? "a" : "span");
        part.textContent = text;
        if (look) part.className = look;
        if (link) part.href = link;
        row.append(part);
      }
      this.match(row);
      return row;
    },
    // A row is shown if it has what is wanted, and has that marked.
    match(row) {
      for (const mark of row.querySelectorAll("mark")) mark.replaceWith(...mark.childNodes);
      row.normalize();
      const wanted = this.wanted.toLowerCase();
      const found = !wanted || row.textContent.toLowerCase().includes(wanted);
      row.hidden = this.only && !found;
      if (found) this.matching += 1;
      if (wanted && found) for (const part of row.children) mark(part, wanted);
    },
    sift() {
      this.matching = 0;
      for (const row of this.$refs.frame.children) this.match(row);
      if (this.atEnd) this.toEnd();
    },
    trim() {
      const frame = this.$refs.frame;
      const wanted = this.wanted.toLowerCase();
      while (this.total > this.most) {
        if (!wanted || frame.firstChild.textContent.toLowerCase().includes(wanted)) this.matching -= 1;
        frame.firstChild.remove();
        this.total -= 1;
      }
    },
    clear() {
      this.$refs.frame.replaceChildren();
      this.held = [];
      this.total = this.matching = this.waiting = this.missed = 0;
      this.atEnd = true;
    },
    pause() {
      this.paused = !this.paused;
      if (this.paused) return;
      this.show(this.held.splice(0));
      this.waiting = 0;
    },
    scrolled() {
      const frame = this.$refs.frame;
      this.atEnd = frame.scrollHeight - frame.scrollTop - frame.clientHeight < 24;
    },
    toEnd() {
      this.atEnd = true;
      const frame = this.$refs.frame;
      frame.scrollTop = frame.scrollHeight;
    },
  },
};

function mark(part, wanted) {
  const text = part.textContent;
  const lower = text.toLowerCase();
  if (lower.length !== text.length || !lower.includes(wanted)) return; // some letters change their length
  const pieces = [];
  let at = 0;
  for (let found = lower.indexOf(wanted); found >= 0; found = lower.indexOf(wanted, at)) {
    const marked = document.createElement("mark");
    marked.textContent = text.slice(found, found + wanted.length);
    pieces.push(text.slice(at, found), marked);
    at = found + wanted.length;
  }
  part.replaceChildren(...pieces, text.slice(at));
}
