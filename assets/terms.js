// What numbers and terms mean, in plain words, where somebody points at them, taps them or comes by with the keyboard.
(() => {
  const TERMS = [
    [/ bpp$/, "Bits per pixel: the size of the file in bits, divided by the number of pixels. A picture without compression has 24."],
    [/ dB$/, "PSNR in decibels: how far the pixels are from the original. From 40 on hardly anybody sees a difference; below 25 everybody does."],
    [/^lossless$/, "Every pixel is that of the original."],
    [/^MS-SSIM/, "Multi-scale structural similarity: whether edges and texture are those of the original. 1 is equal."],
    [/^SSIMULACRA2/, "How people judge the difference, as a formula fitted to many such judgements has it. 90 cannot be told from the original, 50 is medium, 10 low quality."],
    [/^DISTS/, "How different structure and texture look to a network; texture may move without being punished. 0 is equal."],
    [/^LPIPS/, "How different the pictures look to a network that was trained to recognise things. 0 is equal."],
    [/^[\d,]+:1$/, "Compression ratio: how many times smaller the file is than its pixels at 3 bytes each."],
    [/ bytes?( raw)?$/, "Size of the file, header included. A byte is 8 bits; “raw” is 3 bytes for each pixel, without compression."],
    [/^safest average$/, "Posterior mean: the average of all pictures that fit the bits. Closest to the original, and blurred where little was sent."],
    [/^sharp$/, "Probability flow (DiffC-F): one sharp picture, always the same. Detail that was not sent is invented."],
    [/^one possible$/, "Ancestral sampling (DiffC-A): one of the pictures that fit the bits, drawn at random. Another seed gives another one."],
    [/^as sent$/, "Deterministic: only what the file says, without texture from noise."],
    [/^grown from noise$/, "Stochastic: texture that was not sent is grown from random noise."],
    [/^DiffC$/, "Sends a noisy version of the picture, less noisy with every bit. Any beginning of the file is a picture."],
    [/^CDC$/, "Conditional diffusion: the file holds the content, and a diffusion model adds the texture."],
    [/^CoD-Lite$/, "One-step compression with a diffusion model as decoder, for very small files."],
  ];
  const PLACES = "#stage .side i, .wall figcaption i, .wall figcaption b, #argument .headline b, #decoder label, #codec label, #metric label";
  const SECONDS = 6; // to read it, where nothing else ends it
  let note = null;
  let fading = 0;

  const meaning = (element) => TERMS.find(([pattern]) => pattern.test(element.textContent.trim()))?.[1];

  function hide() {
    clearTimeout(fading);
    note?.remove();
    note = null;
  }

  function tell(element) {
    const words = element && meaning(element);
    if (!words) return hide();
    if (note?.about === element) return;
    hide();
    const { left, top, bottom } = element.getBoundingClientRect();
    note = Object.assign(document.createElement("div"), { className: "term", textContent: words, about: element });
    note.setAttribute("role", "tooltip");
    document.querySelector(".gradio-container").append(note);
    const { width, height } = note.getBoundingClientRect();
    const zoom = width / note.offsetWidth; // of the page, as for big text
    note.style.left = `${Math.max(8, Math.min(left, window.innerWidth - width - 8)) / zoom}px`;
    // Below a control, because the slider and the picture are above it.
    const isAbove = element.tagName !== "LABEL" && top > height + 8;
    note.style.top = `${(isAbove ? top - height - 6 : bottom + 6) / zoom}px`;
    fading = setTimeout(hide, 1000 * SECONDS);
  }

  const placeOf = (event) => event.target.closest?.(PLACES);
  for (const kind of ["pointerover", "focusin", "click"]) document.addEventListener(kind, (event) => tell(placeOf(event)));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  document.addEventListener("scroll", hide, true);
})();
