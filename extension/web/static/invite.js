// The invite page says while somebody types what would become of the addresses, takes files and offered addresses without
// loading again, and keeps everything in this tab until it is sent.

const form = document.querySelector("form[data-invite]");
if (form) begin(form);

function begin(form) {
  const text = form.elements.addresses;
  const draft = draftOf(form);
  const count = counter(form, text);
  form.querySelector("[data-check]").hidden = true; // the count is there anyway

  if (text.value === "") draft.restore();
  draft.keep(false);
  if (text.value !== text.defaultValue) count(); // of what came with the page, the page says it already

  let pause;
  const changed = (wait) => {
    form.querySelector(".counted-told")?.remove();
    clearTimeout(pause);
    pause = setTimeout(() => {
      draft.keep(false);
      count();
    }, wait);
  };
  // A long list is sent less often, so that typing in it stays fluid.
  text.addEventListener("input", () => changed(Math.min(1000, 200 + text.value.length / 5000)));
  form.addEventListener("change", (event) => {
    if (event.target.name === "expired") changed(0);
    draft.keep(false);
  });
  form.addEventListener("submit", () => draft.keep(true));

  takeFixes(form, text, () => changed(0));
  takeFiles(form, text, () => changed(0));
  tellLocalTime(form);
}

// draftOf keeps the form's content in this tab's storage, so that it outlives a lost session. It is thrown away by
// the page of the batch (batch.js) and by signing out (page.js).
function draftOf(form) {
  const fields = ["addresses", "area", "role", "starts", "expired"].map((name) => form.elements[name]);
  return {
    keep(sent) {
      try {
        const values = Object.fromEntries(fields.map((field) => [field.name, field.type === "checkbox" ? field.checked : field.value]));
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
          if (field.type === "checkbox") field.checked = true;
          else field.value = value;
          if (field.name === "starts") field.closest("details").open = true;
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
  const plan = form.querySelector("[data-count-plan]");
  const lists = form.querySelector("[data-count-lists]");
  const again = form.querySelector("[data-expired]");
  let asking = new AbortController();

  const show = (answer) => {
    sentence.textContent = answer.sentence;
    sentence.dataset.count = answer.count;
    plan.textContent = answer.plan ?? "";
    again.querySelector("[data-expired-count]").textContent = answer.expired ?? "";
    fill(lists, answer.lists, again);
    form.querySelector("[data-check]").hidden = !answer.lists.some((list) => list.more);
    need(form.elements.area, answer.needsArea ?? true);
    need(form.elements.role, answer.needsRole ?? true);
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
      const response = await fetch(form.dataset.countAt + (form.elements.expired.checked ? "?expired=on" : ""), {
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

// need says whether a choice must be made, or is left to the rows of a table.
function need(select, needed) {
  select.required = needed;
  const placeholder = select.options[0];
  if (placeholder.value !== "") return;
  placeholder.dataset.needed ??= needed ? placeholder.textContent : "Choose one";
  placeholder.textContent = needed ? placeholder.dataset.needed : "As the rows of the table say";
}

// fill shows the groups, with the choice to invite again below that of the Expired. Groups that were open stay open, and
// the focus stays where it was, or in its group.
function fill(holder, lists, again) {
  const open = new Set([...holder.querySelectorAll("details[open]")].map((details) => details.dataset.countList));
  const active = holder.contains(document.activeElement) ? document.activeElement : null;
  const focused = active?.closest("details")?.dataset.countList;
  holder.replaceChildren(
    ...lists.map((list) => {
      const details = document.createElement("details");
      details.dataset.countList = list.name;
      details.open = open.has(list.name);
      details.append(made("summary", list.title));
      if (list.note) details.append(made("p", list.note, "hint"));
      const items = document.createElement("ul");
      items.append(...list.items.map(entry));
      details.append(items);
      if (list.more) details.append(made("p", list.more, "faint"));
      return details;
    }),
  );
  const expired = holder.querySelector('[data-count-list="already_expired"]');
  again.hidden = !expired;
  if (expired) expired.after(again);
  else holder.append(again);
  if (again.contains(active)) active.focus();
  else if (focused) (holder.querySelector(`[data-count-list="${focused}"] summary`) ?? form.elements.addresses).focus();
}

function entry({ text, why, fix }) {
  const item = document.createElement("li");
  item.append(made("bdi", text));
  if (why) item.append(" ", made("span", why));
  if (fix) {
    const button = made("button", fix.label, "button button-small");
    button.type = "submit"; // the server can do it as well
    button.name = "fix";
    button.value = fix.value;
    button.formNoValidate = true;
    item.append(" ", button);
  }
  return item;
}

function made(tag, text, classes = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  if (classes) element.className = classes;
  return element;
}

// takeFixes puts an offered address into the text. A spelling that is not found as it stands is left to the server.
function takeFixes(form, text, changed) {
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=fix]");
    if (!button) return;
    const fix = new URLSearchParams(button.value);
    const piece = fix.get("from").replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    const whole = new RegExp(`(?<![A-Za-z0-9.@!#$%&*+/=?^_\`{|}~-])${piece}(?![A-Za-z0-9@_-]|\\.[A-Za-z0-9])`, "g");
    if (!whole.test(text.value)) return;
    event.preventDefault();
    text.value = text.value.replace(whole, () => fix.get("to"));
    changed();
  });
}

// takeFiles reads a file as soon as it is chosen. What stood in the field can be put back.
function takeFiles(form, text, changed) {
  const file = form.elements.file;
  const fault = form.querySelector("[data-file-fault]");
  const told = form.querySelector("[data-file-told]");
  form.querySelector("[data-upload]").hidden = true;

  const refuse = (sentence) => {
    fault.textContent = sentence;
    fault.hidden = sentence === "";
    told.hidden = true;
  };
  const take = (name, content) => {
    const before = text.value;
    text.value = content;
    refuse("");
    told.replaceChildren(`“${name}” was read into the field above. Nothing is sent yet. `);
    told.hidden = false;
    if (before.trim() !== "") {
      const back = made("button", "Put back what stood there", "button button-quiet");
      back.type = "button";
      back.addEventListener("click", () => {
        text.value = before;
        told.hidden = true;
        text.focus();
        changed();
      });
      told.append(back);
    }
    changed();
  };

  file.addEventListener("change", async () => {
    const [chosen] = file.files;
    if (!chosen) return;
    refuse("");
    file.value = ""; // what is read here is not posted once more with the form
    if (chosen.size > Number(form.dataset.fileLimit)) return refuse(form.dataset.tooMuch);
    told.textContent = `Reading “${chosen.name}” …`;
    told.hidden = false;
    try {
      const response = await fetch(form.dataset.fileAt, {
        method: "POST",
        headers: { Accept: "application/json", "Content-Type": "application/octet-stream" },
        body: chosen,
      });
      if (response.status === 401) return refuse("Your session has ended, so the file was not read. Press Invite to sign in again; your list is kept.");
      if (!response.ok && response.status !== 422) throw new Error(String(response.status));
      const answer = await response.json();
      if (answer.fault) refuse(answer.fault);
      else take(chosen.name, answer.text);
    } catch {
      refuse("The file cannot be read right now. Choose it again in a moment.");
    }
  });
}

// tellLocalTime says what a chosen time in UTC is where the reader is.
function tellLocalTime(form) {
  const { starts } = form.elements;
  const hint = form.querySelector("[data-local-time]");
  const tell = () => {
    const at = new Date(`${starts.value}Z`);
    hint.textContent = starts.value && !Number.isNaN(at.getTime())
      ? `That is ${at.toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short", hour12: false })} where you are.`
      : "";
  };
  starts.addEventListener("input", tell);
  tell();
}
