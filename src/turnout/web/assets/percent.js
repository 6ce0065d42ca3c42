// One share in percent: a slider, and a field for the same number. What the user does is shown at once; what the server
// says is shown again once it has seen that, so that no late answer tears the slider away.
export default {
  template: `
    <div class="percent">
      <label class="percent-label" :for="slider">{{ label }}</label>
      <input type="range" :id="slider" min="0" max="100" step="1" :value="shown" :disabled="disabled"
             :aria-label="says" :aria-valuetext="shown + ' percent'" :style="{ '--part': shown + '%' }"
             @input="move($event.target.value)">
      <span class="percent-field">
        <input type="number" class="input" min="0" max="100" step="any" :value="shown" :disabled="disabled"
               :aria-label="says + ', exactly'" @change="type($event.target)">
        <span aria-hidden="true">%</span>
      </span>
    </div>`,
  props: {
    label: { type: String, default: "" },
    says: { type: String, default: "" },
    value: { type: Number, default: 0 },
    seen: { type: Number, default: 0 },
    disabled: { type: Boolean, default: false },
  },
  emits: ["move"],
  data() {
    return { shown: this.value, sent: this.seen, slider: `percent-${crypto.randomUUID()}` };
  },
  watch: {
    value: "follow",
    seen: "follow",
  },
  methods: {
    follow() {
      if (this.seen === this.sent) this.shown = this.value;
    },
    move(text) {
      this.shown = Number(text);
      this.sent += 1;
      this.$emit("move", { percent: this.shown, sent: this.sent });
    },
    type(field) {
      const given = Number(field.value);
      const wanted = field.value === "" || Number.isNaN(given) ? this.shown : Math.min(100, Math.max(0, given));
      field.value = Math.round(wanted * 1000) / 1000;
      this.move(field.value);
    },
  },
};
