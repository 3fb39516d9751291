// The blind test: names and numbers are hidden, sides may be swapped, and the visitor says which is the original.
class Blind {
  constructor(root, show) {
    this.quiz = root.querySelector(".quiz");
    this.verdict = root.querySelector(".verdict");
    this.show = show;
    this.isOn = false;
    this.isAnswered = false;
    this.isSwapped = false;
    this.right = 0; // of this visit
    this.asked = 0;
    for (const button of this.quiz.querySelectorAll("[data-guess]")) {
      button.addEventListener("click", () => this.guess(button.dataset.guess));
    }
    this.quiz.querySelector('[data-quiz="again"]').addEventListener("click", () => this.begin());
    this.quiz.querySelector('[data-quiz="end"]').addEventListener("click", () => this.end());
  }

  // Of no use unless exactly one of the two is the original.
  static suits(value) {
    return Boolean(value) && value.left.is_original !== value.right.is_original;
  }

  // Wilson's score interval (1927) of a share, at 95 %.
  static interval(right, asked) {
    const square = 1.96 ** 2;
    const [middle, scale] = [(right + square / 2) / (asked + square), asked + square];
    const reach = (1.96 / scale) * Math.sqrt((right * (asked - right)) / asked + square / 4);
    return [middle - reach, middle + reach];
  }

  get hides() {
    return this.isOn && !this.isAnswered;
  }

  begin() {
    Object.assign(this, { isOn: true, isAnswered: false, isSwapped: Math.random() < 0.5 });
    this.say("Which side is the original?");
    this.show();
    this.quiz.querySelector("[data-guess]").focus({ preventScroll: true });
  }

  guess(side) {
    const { left } = this.ordered;
    const isRight = (side === "left") === left.is_original;
    this.isAnswered = true;
    this.asked += 1;
    this.right += isRight;
    const where = left.is_original ? "left" : "right";
    const [low, high] = Blind.interval(this.right, this.asked).map((share) => Math.round(100 * share));
    const score = `${this.right} of ${this.asked} right; 95 % interval ${low} to ${high} %, guessing is 50 %.`;
    this.say(`${isRight ? "Yes" : "No"}: the original is on the ${where}. ${score}`);
    this.show();
    this.quiz.querySelector('[data-quiz="again"]').focus({ preventScroll: true });
  }

  end() {
    Object.assign(this, { isOn: false, isAnswered: false, isSwapped: false });
    this.show();
  }

  // The sides as they are shown.
  order(value) {
    if (this.isOn && !Blind.suits(value)) Object.assign(this, { isOn: false, isSwapped: false });
    this.ordered = this.isSwapped ? { left: value.right, right: value.left } : value;
    return this.ordered;
  }

  say(text) {
    this.verdict.textContent = text;
    for (const button of this.quiz.querySelectorAll("button")) {
      const isGuess = "guess" in button.dataset;
      button.hidden = button.dataset.quiz !== "end" && isGuess === this.isAnswered;
    }
  }
}
