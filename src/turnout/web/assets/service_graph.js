// The service graph as SVG. Python says what stands where and what it says; this draws it, and changes what differs.
const NARROWEST = 0.75;
const WIDEST = 1.25;

export default {
  template: `
    <div class="service-graph" ref="frame">
      <svg :viewBox="[frame.x, frame.y, frame.width, frame.height].join(' ')"
           :width="frame.width * zoom" :height="frame.height * zoom" role="group" :aria-label="picture.label"
           :class="{ picked: picked }" @click="$emit('pick', '')">
        <defs>
          <marker v-for="tone in ['good', 'warn', 'bad', 'copy', 'idle']" :key="tone" :id="'arrow-' + tone"
                  :class="'tone-' + tone" viewBox="0 0 10 10" refX="8.5" refY="5" orient="auto" markerUnits="userSpaceOnUse"
                  markerWidth="11" markerHeight="11">
            <path d="M0 0.8L9.2 5L0 9.2z" />
          </marker>
        </defs>
        <g v-for="box in picture.boxes" :key="box.key" class="box" :style="place(box)">
          <rect :width="box.width" :height="box.height" rx="10" />
          <a v-if="box.href" :href="box.href" @click.stop><text x="14" y="20">{{ box.title }}</text></a>
          <text v-else x="14" y="20">{{ box.title }}</text>
          <text v-if="box.note" class="note" :x="box.width - 14" y="20" text-anchor="end">{{ box.note }}</text>
        </g>
        <g v-for="line in picture.lines" :key="line.id" role="button" tabindex="0" :aria-label="line.says"
           :aria-pressed="String(line.id === picked)" :class="lineClass(line)"
           @pointerenter="hovered = line.id" @pointerleave="hovered = ''" @focus="hovered = line.id" @blur="hovered = ''"
           @click.stop="$emit('pick', line.id)" @keydown.enter.prevent="$emit('pick', line.id)"
           @keydown.space.prevent="$emit('pick', line.id)">
          <title>{{ line.says }}</title>
          <path class="reach" :d="line.path" />
          <path class="stroke" :d="line.path" :style="{ strokeWidth: line.width + 'px' }"
                :marker-end="'url(#arrow-' + line.tone + ')'" />
        </g>
        <g v-for="row in picture.rows" :key="row.id" role="button" tabindex="0" :aria-label="row.says"
           :aria-pressed="String(row.id === picked)" :class="rowClass(row)" :style="place(row)"
           @click.stop="$emit('pick', row.id)" @keydown.enter.prevent="$emit('pick', row.id)"
           @keydown.space.prevent="$emit('pick', row.id)">
          <title>{{ row.says }}</title>
          <rect x="5" y="2" :width="row.width - 10" :height="row.height - 4" rx="7" />
          <circle cx="18" cy="16" r="4" :class="row.health" />
          <text x="29" y="20">{{ row.title }}</text>
          <text class="figure bad" :x="row.width - 15" y="20" text-anchor="end">{{ row.errors }}</text>
          <text class="note" x="29" y="35">{{ row.note }}</text>
          <text :class="['figure', { copies: row.copies }]" :x="row.width - 15" y="35" text-anchor="end">{{ row.rate }}</text>
        </g>
        <text v-for="line in labelled" :key="line.id" :class="['label', 'tone-' + line.tone]"
              :x="line.x" :y="line.y - 5" text-anchor="middle" aria-hidden="true">{{ line.label }}</text>
      </svg>
    </div>`,
  props: { picture: Object, picked: String },
  emits: ["pick"],
  data: () => ({ room: 0, hovered: "" }),
  mounted() {
    this.observer = new ResizeObserver(() => (this.room = this.$refs.frame.clientWidth));
    this.observer.observe(this.$refs.frame);
  },
  unmounted() {
    this.observer?.disconnect();
  },
  computed: {
    frame() {
      return this.picture.frame;
    },
    zoom() {
      return Math.min(WIDEST, Math.max(NARROWEST, this.room ? this.room / this.frame.width : 1));
    },
    labelled() {
      const wanted = (line) => (this.picked ? this.near.has(line.id) : !line.crowded);
      return this.picture.lines.filter((line) => line.label && (wanted(line) || line.id === this.hovered));
    },
    // What the picked row or line is linked with; the rest steps back.
    near() {
      const near = new Set([this.picked]);
      for (const line of this.picture.lines) {
        if (line.id === this.picked) near.add(line.source).add(line.target);
        if (line.source === this.picked || line.target === this.picked) near.add(line.id).add(line.source).add(line.target);
      }
      return near;
    },
  },
  methods: {
    place: (thing) => ({ transform: `translate(${thing.x}px, ${thing.y}px)` }),
    dimLine(line) {
      return Boolean(this.picked) && !this.near.has(line.id);
    },
    lineClass(line) {
      return ["line", `tone-${line.tone}`, { dashed: line.dashed, chosen: line.id === this.picked, dim: this.dimLine(line) }];
    },
    rowClass(row) {
      return ["row", { chosen: row.id === this.picked, dim: Boolean(this.picked) && !this.near.has(row.id) }];
    },
  },
};
