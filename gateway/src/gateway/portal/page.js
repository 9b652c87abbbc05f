// Small things that the other modules share: finding and making elements, numbers and times as people read them.
export const find = (id) => document.getElementById(id);

export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in element) element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

export const number = (value) => value.toLocaleString("en-GB");

// 36,000,000 as 36M: it has to fit a phone.
export const short = (value) => (value < 1_000_000 ? number(value) : value.toLocaleString("en-US", { notation: "compact" }));

export const day = (text) =>
  new Date(text).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" });

export const moment = (text) =>
  new Date(text).toLocaleString("en-GB", { day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" });

export const press = (buttons, chosen) => {
  for (const button of buttons) button.setAttribute("aria-pressed", String(button === chosen));
};

export async function copied(button, text) {
  await navigator.clipboard.writeText(text);
  const before = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = before), 1500);
}
