// The invite page counts the addresses while they are typed, and keeps them in this tab until they are sent.

const form = document.querySelector("form[data-invite]");
if (form) begin(form);

function begin(form) {
  const text = form.elements.addresses;
  const draft = draftOf(form);
  form.querySelector("[data-check]").hidden = true; // the count is there anyway

  if (text.value === "") draft.restore();
  draft.keep(false);
  const count = counter(form, text);
  if (text.value !== "") count();

  let pause;
  text.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(() => {
      draft.keep(false);
      count();
    }, 200);
  });
  form.addEventListener("change", () => draft.keep(false));
  form.addEventListener("submit", () => draft.keep(true));
}

// draftOf keeps the form's content in this tab's storage, so that it outlives a lost session. It is thrown away by
// the page of the batch (batch.js) and by signing out (page.js).
function draftOf(form) {
  const fields = ["addresses", "area", "role"].map((name) => form.elements[name]);
  return {
    keep(sent) {
      try {
        const values = Object.fromEntries(fields.map((field) => [field.name, field.value]));
        sessionStorage.setItem(form.dataset.draft, JSON.stringify({ sent, values }));
      } catch {
        // storage is full or switched off: the page works without it
      }
    },
    restore() {
      try {
        const kept = JSON.parse(sessionStorage.getItem(form.dataset.draft));
        for (const field of fields) {
          const value = kept?.values?.[field.name];
          if (!value) continue;
          if (field.options && ![...field.options].some((option) => option.value === value)) continue;
          field.value = value;
        }
      } catch {
        // nothing readable was kept
      }
    },
  };
}

// counter asks the server, whose code also reads the list when it is sent. Only the latest answer counts.
function counter(form, text) {
  const sentence = form.querySelector("[data-count]");
  let asking = new AbortController();

  const show = (answer) => {
    sentence.textContent = answer.sentence;
    sentence.dataset.count = answer.count;
    for (const details of form.querySelectorAll("[data-count-list]")) {
      fill(details, answer.lists.find((list) => list.name === details.dataset.countList));
    }
  };

  return async () => {
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    const body = text.value;
    const tooMuch = new Blob([body]).size > Number(form.dataset.limit);
    text.setCustomValidity(tooMuch ? form.dataset.tooMuch : "");
    if (tooMuch) {
      show({ count: 0, sentence: form.dataset.tooMuch, lists: [] });
      return;
    }
    try {
      const response = await fetch(form.dataset.countAt, {
        method: "POST",
        headers: { Accept: "application/json", "Content-Type": "text/plain;charset=utf-8" },
        body,
        signal,
      });
      if (response.status === 401) {
        show({ count: "", sentence: "Your session has ended, so nothing is counted. Press Invite to sign in again; your list is kept.", lists: [] });
      } else if (!response.ok) {
        throw new Error(String(response.status));
      } else {
        const answer = await response.json();
        if (signal.aborted) return;
        text.setCustomValidity(answer.fault);
        show(answer);
      }
    } catch {
      if (signal.aborted) return;
      show({ count: "", sentence: "The addresses cannot be counted right now. You can still press Invite.", lists: [] });
    }
  };
}

function fill(details, list) {
  details.hidden = !list?.title;
  details.querySelector("summary").textContent = list?.title ?? "";
  details.querySelector("p").textContent = list?.more ?? "";
  details.querySelector("ul").replaceChildren(...(list?.items ?? []).map(entry));
}

function entry({ text, why }) {
  const item = document.createElement("li");
  const piece = document.createElement("bdi");
  piece.textContent = text;
  item.append(piece);
  if (why) {
    const reason = document.createElement("span");
    reason.textContent = why;
    item.append(" ", reason);
  }
  return item;
}
