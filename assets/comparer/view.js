// Where the pictures lie in the box: one zoom and one centre for all of them, and the place of the divider.
// Nothing of it belongs to a picture, so that it stays when pictures are replaced.
class View {
  static MAX_SCALE = 32; // screen pixels for one of the picture
  static PIXELS_FROM = 2; // below, squares of different sizes would look like an error

  // `frame` holds all the pictures, each in a pane as large as `box` or, side by side, as its half.
  constructor(box, frame = box) {
    this.box = box;
    this.frame = frame;
    this.width = 1; // of the pictures
    this.height = 1;
    this.split = 0.5; // of the part of the picture that can be seen
    this.isHalved = false; // two pictures side by side
    this.isPixelated = true;
    this.reset();
  }

  reset() {
    this.zoom = 1; // 1 shows all
    this.x = 0.5; // what is in the middle, as a share of the picture
    this.y = 0.5;
  }

  get paneWidth() {
    return this.box.clientWidth / (this.isHalved ? 2 : 1);
  }

  get fit() {
    return Math.min(this.paneWidth / this.width, this.box.clientHeight / this.height);
  }

  get scale() {
    return this.fit * this.zoom;
  }

  get isEnlarged() {
    return this.zoom > 1.001;
  }

  // Left, top, width and height of a picture in its pane.
  get place() {
    const [width, height] = [this.width * this.scale, this.height * this.scale];
    return [this.paneWidth / 2 - this.x * width, this.box.clientHeight / 2 - this.y * height, width, height];
  }

  // Left, top, right and bottom of what is seen, as shares of the picture.
  get part() {
    const [left, top, width, height] = this.place;
    const inside = (share) => Math.min(1, Math.max(0, share));
    const ends = [-left / width, -top / height, (this.paneWidth - left) / width, (this.box.clientHeight - top) / height];
    return ends.map(inside);
  }

  // The part of the box, from left to right, that the picture covers.
  get span() {
    const [left, , width] = this.place;
    return [Math.max(0, left), Math.min(this.paneWidth, left + width)];
  }

  // What lies under a point of the box stays there.
  zoomBy(factor, atX = this.paneWidth / 2, atY = this.box.clientHeight / 2) {
    const [left, top, width, height] = this.place;
    const [shareX, shareY] = [((atX % this.paneWidth) - left) / width, (atY - top) / height];
    const most = Math.max(1, View.MAX_SCALE / this.fit);
    this.zoom = Math.min(most, Math.max(1, this.zoom * factor));
    const [, , newWidth, newHeight] = this.place;
    this.x = shareX - ((atX % this.paneWidth) - this.paneWidth / 2) / newWidth;
    this.y = shareY - (atY - this.box.clientHeight / 2) / newHeight;
    this.keepInside();
  }

  moveBy(right, down) {
    const [, , width, height] = this.place;
    this.x -= right / width;
    this.y -= down / height;
    this.keepInside();
  }

  splitAt(x) {
    const [from, to] = this.span;
    this.split = Math.min(1, Math.max(0, (x - from) / (to - from)));
  }

  // No empty margin on one side while there is more to see on the other.
  keepInside() {
    const [, , width, height] = this.place;
    const [halfX, halfY] = [this.paneWidth / 2 / width, this.box.clientHeight / 2 / height];
    this.x = halfX >= 0.5 ? 0.5 : Math.min(1 - halfX, Math.max(halfX, this.x));
    this.y = halfY >= 0.5 ? 0.5 : Math.min(1 - halfY, Math.max(halfY, this.y));
  }

  draw() {
    if (!this.box.clientWidth) return; // on a tab that is hidden
    this.keepInside();
    const isPixelated = this.isPixelated && this.scale >= View.PIXELS_FROM;
    for (const picture of this.frame.querySelectorAll("img")) {
      ["left", "top", "width", "height"].forEach((side, n) => { picture.style[side] = `${this.place[n]}px`; });
      picture.style.imageRendering = isPixelated ? "pixelated" : "auto";
    }
    const [from, to] = this.span;
    this.box.style.setProperty("--split", `${from + this.split * (to - from)}px`);
    // A finger scrolls the page as long as there is nothing to move in the box.
    this.frame.style.setProperty("--touch", this.isEnlarged ? "none" : "pan-y");
  }
}
