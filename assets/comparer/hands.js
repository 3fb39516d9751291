// What hands do in the box: drag, pinch, wheel, keys. Each tells the view and asks for a drawing.
class Hands {
  static NEAR = 22; // pixels around the divider that still grasp it
  static TWICE_MS = 350;
  static STEP = 0.02; // of the divider, for one key
  static ZOOM = 1.25;

  constructor(box, view, draw) {
    this.box = box;
    this.view = view;
    this.draw = draw;
    this.points = new Map(); // pointers that are down
    this.hasDivider = true;
    this.holdsDivider = false;
    this.lastTap = { time: 0, x: 0, y: 0 };
    box.addEventListener("pointerdown", (event) => this.grasp(event));
    box.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) box.addEventListener(end, (event) => this.release(event));
    box.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    box.addEventListener("keydown", (event) => this.key(event));
  }

  place(event) {
    const box = this.box.getBoundingClientRect();
    const zoom = box.width / this.box.offsetWidth; // of the page, as for big text
    return { x: (event.clientX - box.left) / zoom, y: (event.clientY - box.top) / zoom };
  }

  grasp(event) {
    if (event.button !== 0 || event.target.closest("button")) return;
    const point = this.place(event);
    this.box.setPointerCapture(event.pointerId);
    this.points.set(event.pointerId, { ...point, startX: point.x, startY: point.y });
    const at = parseFloat(this.box.style.getPropertyValue("--split"));
    const isNear = Math.abs(point.x - at) < Hands.NEAR;
    this.holdsDivider = this.hasDivider && this.points.size === 1 && (isNear || !this.view.isEnlarged);
  }

  move(event) {
    const before = this.points.get(event.pointerId);
    if (!before) return;
    const point = this.place(event);
    if (this.points.size === 2) this.pinch(event.pointerId, before, point);
    else if (this.holdsDivider) this.view.splitAt(point.x);
    else this.view.moveBy(point.x - before.x, point.y - before.y);
    Object.assign(before, point);
    this.draw();
  }

  // The two fingers keep what they hold: what was between them stays between them.
  pinch(id, before, point) {
    const [other] = [...this.points].filter(([key]) => key !== id).map(([, each]) => each);
    const gap = (one) => Math.hypot(one.x - other.x, one.y - other.y);
    this.view.moveBy((point.x - before.x) / 2, (point.y - before.y) / 2);
    this.view.zoomBy(gap(point) / Math.max(1, gap(before)), (point.x + other.x) / 2, (point.y + other.y) / 2);
    this.holdsDivider = false;
  }

  release(event) {
    const point = this.points.get(event.pointerId);
    this.points.delete(event.pointerId);
    if (!point || event.type === "pointercancel") return;
    const isTap = Math.hypot(point.x - point.startX, point.y - point.startY) < 6;
    if (!isTap) return;
    const [last, time] = [this.lastTap, event.timeStamp];
    const isSecond = time - last.time < Hands.TWICE_MS && Math.hypot(point.x - last.x, point.y - last.y) < Hands.NEAR;
    this.lastTap = { time: isSecond ? 0 : time, x: point.x, y: point.y };
    if (isSecond) this.view.reset();
    else if (this.holdsDivider) this.view.splitAt(point.x);
    this.draw();
  }

  wheel(event) {
    // At the smallest the wheel scrolls the page again.
    if (event.deltaY > 0 && !this.view.isEnlarged && !event.ctrlKey) return;
    event.preventDefault();
    const { x, y } = this.place(event);
    const turned = Math.max(-100, Math.min(100, event.deltaY * (event.deltaMode ? 30 : 1)));
    this.view.zoomBy(Math.exp(-turned / (event.ctrlKey ? 100 : 400)), x, y);
    this.draw();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("button")) return;
    const act = this.zoomKeys[event.key] ?? this.arrowKeys(event.shiftKey)[event.key];
    if (!act) return;
    event.preventDefault();
    act();
    this.draw();
  }

  get zoomKeys() {
    const zoom = (factor) => () => this.view.zoomBy(factor);
    return { "+": zoom(Hands.ZOOM), "=": zoom(Hands.ZOOM), "-": zoom(1 / Hands.ZOOM), 0: () => this.view.reset() };
  }

  arrowKeys(isShifted) {
    if (!this.hasDivider || isShifted) {
      const by = (right, down) => () => this.view.moveBy(40 * right, 40 * down);
      return { ArrowLeft: by(1, 0), ArrowRight: by(-1, 0), ArrowUp: by(0, 1), ArrowDown: by(0, -1) };
    }
    const to = (split) => () => { this.view.split = Math.min(1, Math.max(0, split)); };
    const [less, more] = [to(this.view.split - Hands.STEP), to(this.view.split + Hands.STEP)];
    return {
      ArrowLeft: less, ArrowDown: less, ArrowRight: more, ArrowUp: more,
      PageDown: to(this.view.split - 0.1), PageUp: to(this.view.split + 0.1), Home: to(0), End: to(1),
    };
  }
}
