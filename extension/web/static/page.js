// What every page does beyond its HTML. Without it all of them still work. Its words stand in the page, in the page's language.

import "./keep.js";

// Menus close on Escape, giving the focus back, and on a press elsewhere.
const openMenus = () => document.querySelectorAll("details[data-menu][open]");

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of openMenus()) {
    const inside = menu.contains(document.activeElement);
    menu.open = false;
    if (inside) menu.querySelector("summary").focus();
  }
});

for (const kind of ["pointerdown", "focusin"]) {
  document.addEventListener(kind, (event) => {
    for (const menu of openMenus()) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
}

// A refused form says first what is wrong.
document.querySelector("[data-focus]")?.focus();

// What was typed in this tab is forgotten when its owner signs out.
document.querySelector("form[data-forget]")?.addEventListener("submit", () => {
  try {
    sessionStorage.clear();
  } catch {
    // storage is switched off, so there is nothing to forget
  }
});

// Passwords can be looked at while they are typed (WCAG 2.2, 3.3.8).
for (const input of document.querySelectorAll(".field input[type=password]")) {
  const words = input.dataset;
  const frame = document.createElement("div");
  const button = document.createElement("button");
  frame.className = "with-button";
  button.type = "button";
  button.className = "button button-quiet";
  const show = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? words.hide : words.show;
    button.setAttribute("aria-label", shown ? words.hideField : words.showField);
  };
  button.addEventListener("click", () => show(input.type === "password"));
  input.form?.addEventListener("submit", () => show(false));
  input.replaceWith(frame);
  frame.append(input, button);
  show(false);
}

// A form whose boxes stand in the rows of a list can tick all of them at once.
for (const form of document.querySelectorAll("form[data-tick]")) {
  const boxes = [...form.elements].filter((element) => element.type === "checkbox");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button-quiet";
  const every = () => boxes.every((box) => box.checked);
  const name = () => {
    button.textContent = every() ? "Select none on this page" : "Select all on this page";
  };
  button.addEventListener("click", () => {
    const checked = !every();
    for (const box of boxes) box.checked = checked;
    name();
  });
  for (const box of boxes) box.addEventListener("change", name);
  if (boxes.length > 1) form.querySelector("button").after(button);
  name();
}
