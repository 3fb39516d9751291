// Half a minute through the idea, on the picture that is there: noise, bits, imagination. It moves the page's own
// slider and decoder, so that everything it shows is true of this file.
(() => {
  const SWEEP_MS = 6000;
  const slider = () => document.querySelector('#used input[type="range"]');
  const isUsable = () => Boolean(slider() && !slider().disabled && slider().offsetParent);
  let box = null;
  let sweep = 0;

  function moveTo(bytes) {
    slider().value = bytes;
    slider().dispatchEvent(new Event("input", { bubbles: true }));
  }

  function letGo() {
    slider().dispatchEvent(new PointerEvent("pointerup", { bubbles: true }));
  }

  // Evenly in the logarithm, because the first bytes tell most.
  function sweepUp() {
    const [least, most] = [Math.max(1, Number(slider().min)), Number(slider().max)];
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return (moveTo(most), letGo());
    const began = performance.now();
    const step = (now) => {
      const share = Math.min(1, Math.max(0, (now - began) / SWEEP_MS));
      moveTo(Math.round(least * (most / least) ** share));
      if (share < 1) sweep = requestAnimationFrame(step);
      else letGo();
    };
    sweep = requestAnimationFrame(step);
  }

  function choose(name) {
    document.querySelector(`#decoder input[value="${name}"]`)?.click();
  }

  const STEPS = [
    ["Noise", "The decoder begins with noise. With the fewest bytes it knows little more than the colours.",
      () => { choose("mean"); moveTo(slider().min); letGo(); }],
    ["Bits", "Every bit that arrives says which of all pictures it is. Watch the file come in, and the dashed line in the plot.",
      sweepUp],
    ["Imagination", "Cut the file to a twentieth: what was not sent has to be imagined. “Safest average” leaves it out, “sharp” invents it.",
      () => { moveTo(Math.round(Number(slider().max) / 20)); letGo(); choose("flow"); }],
  ];

  function end() {
    cancelAnimationFrame(sweep);
    box?.remove();
    box = null;
    document.querySelector("#tour")?.focus();
  }

  function show(number) {
    cancelAnimationFrame(sweep);
    if (number >= STEPS.length || !isUsable()) return end();
    const [title, words, act] = STEPS[number];
    box ??= document.querySelector(".gradio-container").appendChild(document.createElement("div"));
    box.className = "tour";
    box.setAttribute("role", "dialog");
    box.setAttribute("aria-label", "Tour");
    const parts = ["b", "p", "button", "button"].map((kind) => document.createElement(kind));
    const [head, text, next, stop] = parts;
    head.textContent = `${number + 1} of ${STEPS.length}: ${title}`;
    text.textContent = words;
    text.setAttribute("role", "status");
    next.textContent = number + 1 < STEPS.length ? "Next" : "Done";
    stop.textContent = "End tour";
    stop.hidden = number + 1 === STEPS.length;
    next.addEventListener("click", () => show(number + 1));
    stop.addEventListener("click", end);
    box.replaceChildren(...parts);
    next.focus({ preventScroll: true });
    act();
  }

  document.addEventListener("keydown", (event) => { if (event.key === "Escape" && box) end(); });
  window.diffdemoTour = { begin: () => show(0) };
})();
