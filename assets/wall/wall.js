// The wall: pictures of one size in a grid, one zoom for all, and flicker between any two.
class Wall {
  static FLICKER_MS = 500; // two pictures a second

  // `page` can save and halt; a wall in a file of its own has no such page.
  constructor(root, page = null) {
    this.root = root;
    this.page = page;
    this.grid = root.querySelector(".grid");
    this.view = new View(this.grid, this.grid);
    this.figures = new Map(); // by caption
    this.chosen = []; // captions of those that flicker, the one in front first
    this.playing = 0;
    root.querySelector(".keep").hidden = !page;
    root.querySelector('[data-act="whole"]').hidden = !document.fullscreenEnabled;
    root.addEventListener("click", (event) => this.act(event.target.closest("[data-act]")?.dataset.act));
    root.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(root);
  }

  show(value) {
    const { cells, title, line, width, height } = value?.cells ? value : { cells: [] };
    this.root.hidden = !cells.length;
    if (!cells.length) return this.figures.clear();
    Object.assign(this.view, { width, height });
    this.root.style.setProperty("--shape", `${width} / ${height}`);
    this.root.style.setProperty("--ratio", width / height);
    this.find(".title").textContent = title;
    this.find(".progress").textContent = line;
    const isComing = cells.some((cell) => !cell.is_done);
    this.find('[data-act="halt"]').hidden = !this.page || !isComing;
    for (const name of ["html", "png"]) this.find(`[data-act="${name}"]`).disabled = isComing || !cells.some((cell) => cell.picture);
    const kept = new Map(cells.map((cell) => [cell.caption, this.figures.get(cell.caption) ?? this.figure(cell.caption)]));
    this.figures = kept;
    // Only where they change: a node that is put back loses what is focused in it.
    if ([...this.grid.children].some((each, n) => each !== [...kept.values()][n]) || this.grid.children.length !== kept.size) this.grid.replaceChildren(...kept.values());
    for (const cell of cells) this.fill(kept.get(cell.caption), cell);
    this.chosen = this.chosen.filter((caption) => kept.get(caption)?.classList.contains("here"));
    this.arrange();
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  figure(caption) {
    const figure = this.find("template").content.firstElementChild.cloneNode(true);
    const hands = new Hands(figure.querySelector(".pane"), this.view, () => this.draw());
    hands.hasDivider = false;
    figure.querySelector("button").addEventListener("click", () => this.choose(caption));
    return figure;
  }

  fill(figure, cell) {
    const [picture, words] = [figure.querySelector("img"), [cell.caption, cell.numbers, cell.note].filter(Boolean).join(", ")];
    if (cell.picture && picture.getAttribute("src") !== cell.picture.url) picture.src = cell.picture.url;
    picture.alt = words;
    figure.querySelector(".pane").setAttribute("aria-label", words);
    figure.classList.toggle("here", Boolean(cell.picture));
    figure.classList.toggle("preview", cell.is_preview);
    figure.classList.toggle("larger", cell.is_larger);
    figure.querySelector("b").textContent = cell.caption + (cell.is_preview ? ", preview" : "");
    figure.querySelector("button").disabled = !cell.picture;
    const facts = cell.numbers.split(" · ").flatMap((each, n) => [n ? " · " : "", Object.assign(document.createElement("i"), { textContent: each })]);
    figure.querySelector("span").replaceChildren(...facts);
    figure.querySelector("em").textContent = cell.is_done ? cell.note : cell.note || "waiting …";
  }

  choose(caption) {
    this.chosen = this.chosen.includes(caption) ? this.chosen.filter((each) => each !== caption) : [...this.chosen, caption];
    this.arrange();
    if (this.isFlickering) this.find('[data-act="swap"]').focus({ preventScroll: true });
  }

  get isFlickering() {
    return this.chosen.length === 2;
  }

  arrange() {
    for (const [caption, figure] of this.figures) {
      figure.classList.toggle("chosen", this.chosen.includes(caption));
      figure.classList.toggle("behind", this.isFlickering && caption === this.chosen[1]);
      figure.querySelector("button").setAttribute("aria-pressed", this.chosen.includes(caption));
    }
    this.root.classList.toggle("flicker", this.isFlickering);
    if (!this.isFlickering) this.play(false);
    this.view.box = (this.figures.get(this.chosen[0]) ?? this.grid.firstElementChild)?.querySelector(".pane") ?? this.grid;
    this.draw();
  }

  swap() {
    if (!this.isFlickering) return;
    this.chosen.reverse();
    this.arrange();
  }

  play(isOn) {
    clearInterval(this.playing);
    this.playing = isOn ? setInterval(() => this.swap(), Wall.FLICKER_MS) : 0;
    this.find('[data-act="play"]').setAttribute("aria-pressed", isOn);
  }

  back() {
    this.chosen = [];
    this.arrange();
  }

  zoom(factor) {
    this.view.zoomBy(factor);
    this.draw();
  }

  act(name) {
    const acts = {
      swap: () => { this.play(false); this.swap(); },
      play: () => this.play(!this.playing),
      back: () => this.back(),
      in: () => this.zoom(Hands.ZOOM),
      out: () => this.zoom(1 / Hands.ZOOM),
      reset: () => { this.view.reset(); this.draw(); },
      whole: () => (document.fullscreenElement ? document.exitFullscreen() : this.root.requestFullscreen()),
      halt: () => this.page.halt(),
      html: () => this.page.save({ kind: "html" }),
      png: () => this.page.save({ kind: "png", part: this.view.part }),
    };
    acts[name]?.();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.isFlickering) return;
    if (event.key === "Escape") this.back();
    else if (event.key.toLowerCase() === "f") this.act("swap");
  }

  draw() {
    this.view.draw();
    this.find(".percent").textContent = `${Math.round(100 * this.view.scale)} %`;
  }
}
