// Small pictures of the file's beginnings, which the server sends once: they follow the slider here, at once, until the
// server's own picture comes. Each is marked as a preview.
class Previews {
  static SLIDER = "#used input";

  constructor(show) {
    this.show = show;
    this.at = null; // bytes at the slider, while the stage shows a preview of them
    this.isHeld = false; // by a hand on the slider
    this.take(null);
    document.addEventListener("comparer-previews", (event) => { this.take(event.detail); show(); });
    document.addEventListener("input", (event) => this.follow(event.target), true);
    document.addEventListener("pointerdown", (event) => { this.isHeld = Boolean(event.target.matches?.(Previews.SLIDER)); }, true);
    for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => { this.isHeld = false; }, true);
  }

  take(value) {
    this.value = value ?? { frames: [] };
    this.at = null;
    // Kept here, so that the browser has them at hand.
    this.images = this.value.frames.map(({ picture }) => Object.assign(new Image(), { src: picture.url }));
  }

  follow(slider) {
    if (!slider.matches?.(Previews.SLIDER) || !this.value.frames.length) return;
    this.at = Number(slider.value);
    this.show();
  }

  // What has come from the server takes the preview's place, unless the hand has gone on since.
  settle(bytes) {
    if (!this.isHeld || this.at === bytes) this.at = null;
  }

  get isMoving() {
    return this.at !== null;
  }

  // A half of the stage as it is at the slider.
  of(side) {
    if (!this.isMoving || !side.is_file) return side;
    const frame = this.value.frames.findLast(({ bytes }) => bytes <= this.at) ?? this.value.frames[0];
    const rate = (8 * this.at) / this.value.pixels;
    const numbers = [`${this.at.toLocaleString("en")} bytes`, `${rate.toFixed(rate < 0.1 ? 3 : 2)} bpp`, frame.quality];
    const words = { caption: this.value.caption, numbers: numbers.filter(Boolean).join(" · ") };
    return { ...side, ...words, picture: frame.picture, is_preview: true };
  }
}
