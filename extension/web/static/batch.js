// The page of a batch follows the sending, and throws away the draft that has become this batch.

const batch = document.querySelector("[data-batch]");
if (batch) {
  forget(batch.dataset.draft);
  if (batch.hasAttribute("data-waiting")) follow(batch);
}

function forget(draft) {
  try {
    if (JSON.parse(sessionStorage.getItem(draft))?.sent) sessionStorage.removeItem(draft);
  } catch {
    // storage is switched off, so nothing was kept
  }
}

function follow(batch) {
  const sentence = batch.querySelector("[data-batch-sentence]");
  const bar = batch.querySelector("[data-batch-progress]");
  const trouble = batch.querySelector("[data-batch-trouble]");
  let wait = 700;

  const look = async () => {
    try {
      const response = await fetch(location.pathname, { headers: { Accept: "application/json" } });
      if (response.status === 401) return location.reload(); // leads to the sign-in page and back
      if (!response.ok) throw new Error(String(response.status));
      const state = await response.json();
      if (state.done) return location.reload();
      if (sentence.textContent !== state.sentence) sentence.textContent = state.sentence;
      bar.max = state.queued;
      bar.value = state.finished;
      trouble.querySelector("p").textContent = state.trouble;
      trouble.hidden = state.trouble === "";
    } catch {
      // the server is being restarted or the network is gone: look again
    }
    wait = Math.min(wait * 1.3, 5000);
    setTimeout(look, wait);
  };
  setTimeout(look, wait);
}
