// Keeping what a page shows: copied, or on paper. The buttons are only there when this works.

const text = (id) => document.getElementById(id)?.innerText.trim() ?? "";

// select marks an element's text, for whoever has a browser that does not let pages write to the clipboard.
const select = (id) => {
  const selection = getSelection();
  selection.removeAllRanges();
  selection.selectAllChildren(document.getElementById(id));
};

for (const button of document.querySelectorAll("button[data-copy]")) {
  const status = button.parentElement.querySelector("[role=status]");
  button.addEventListener("click", async () => {
    const { copy, copied, selected } = button.dataset;
    try {
      await navigator.clipboard.writeText(text(copy));
      status.textContent = copied;
    } catch {
      select(copy);
      status.textContent = selected;
    }
  });
  button.hidden = false;
}

for (const button of document.querySelectorAll("button[data-print]")) {
  button.addEventListener("click", () => print());
  button.hidden = false;
}
