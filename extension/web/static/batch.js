// The page of a batch follows the sending, and throws away the draft that has become this batch.

const batch = document.querySelector("[data-batch]");
if (batch) {
  forget(batch.dataset.draft);
  if (batch.hasAttribute("data-follow")) follow(batch, newReloader());
  for (const time of batch.querySelectorAll("[data-countdown]")) countDown(time);
}

function forget(draft) {
  try {
    if (JSON.parse(sessionStorage.getItem(draft))?.sent) sessionStorage.removeItem(draft);
  } catch {
    // storage is switched off, so nothing was kept
  }
}

// A page that was reloaded is not loaded once more within three seconds: whoever answers may see another state than whoever
// tells the news, because their clocks differ, and then one reload would lead to the next. News that agrees calls it off.
// Nor is it loaded again while another page is on its way, because that would call the way off. A download announces itself
// like a page and never comes, so the page waits for ten seconds and no longer.
function newReloader() {
  const pause = performance.getEntriesByType("navigation")[0]?.type === "reload" ? 3000 : 0;
  let timer = 0;
  let earliest = pause;
  addEventListener("beforeunload", () => {
    earliest = Math.max(pause, performance.now() + 10000);
  });
  const load = () => {
    const wait = earliest - performance.now();
    if (wait <= 0) return location.reload();
    timer = setTimeout(load, wait);
  };
  return {
    reload() {
      timer ||= setTimeout(load, Math.max(0, earliest - performance.now()));
    },
    stay() {
      clearTimeout(timer);
      timer = 0;
    },
  };
}

// Events come as long as the page is looked at: a browser has few connections, and a hidden page needs none of them.
function follow(batch, reloader) {
  let stream = null;
  let asking = false;

  const open = () => {
    if (stream || asking || document.hidden) return;
    stream = new EventSource(batch.dataset.events);
    stream.addEventListener("progress", (event) => show(batch, reloader, JSON.parse(event.data)));
    stream.addEventListener("gone", () => reloader.reload()); // leads to the sign-in page, or says what has changed
    stream.addEventListener("end", () => stream.close()); // nothing more will be told; stays set, so nobody opens it again
    stream.addEventListener("error", () => {
      if (stream.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      asking = true;
      ask(batch, reloader);
    });
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && stream && stream.readyState !== EventSource.CLOSED) {
      stream.close();
      stream = null;
    }
    open();
  });
  open();
}

// Where a stream cannot be had, the page asks again and again.
function ask(batch, reloader) {
  let wait = 700;
  const look = async () => {
    try {
      const response = await fetch(location.pathname, { headers: { Accept: "application/json" } });
      if ([401, 403, 404].includes(response.status)) return reloader.reload();
      if (!response.ok) throw new Error(String(response.status));
      const news = await response.json();
      show(batch, reloader, news);
      if (news.over) return; // nothing more will be told
    } catch {
      // the server is being restarted or the network is gone: look again
    }
    wait = Math.min(wait * 1.3, 5000);
    setTimeout(look, wait);
  };
  setTimeout(look, wait);
}

// What has changed is written into the page; with another state the page itself is another one, and so is that of a
// cancelled batch once its last call has ended.
function show(batch, reloader, news) {
  if (news.state !== batch.dataset.state || news.done === batch.hasAttribute("data-live")) return reloader.reload();
  reloader.stay();
  const sentence = batch.querySelector("[data-batch-sentence]");
  if (sentence.textContent !== news.sentence) sentence.textContent = news.sentence;
  const bar = batch.querySelector("[data-batch-progress]");
  if (bar) {
    bar.max = news.queued;
    bar.value = news.finished;
  }
  const trouble = batch.querySelector("[data-batch-trouble]");
  if (trouble) {
    trouble.querySelector("p").textContent = news.trouble;
    trouble.hidden = news.trouble === "";
  }
  const counts = { ...news, "not-sent": news.refused };
  for (const tab of document.querySelectorAll("[data-group]")) {
    const count = Number(tab.dataset.base) + counts[tab.dataset.group];
    tab.querySelector(".count").textContent = count.toLocaleString("en");
    tab.hidden = count === 0 && !tab.querySelector("[aria-current]");
  }
}

// The time that is left stands behind the moment itself.
function countDown(time) {
  const left = document.createElement("span");
  time.after(" ", left);
  const tick = () => {
    const seconds = Math.ceil((Date.parse(time.dateTime) - Date.now()) / 1000);
    if (seconds <= 0) {
      left.textContent = "(now)";
      return;
    }
    const minutes = Math.floor(seconds / 60);
    const parts = [Math.floor(minutes / 60), minutes % 60, seconds % 60];
    const units = ["h", "min", "s"];
    const words = parts.map((part, i) => `${part} ${units[i]}`).filter((_, i) => parts.slice(0, i + 1).some((part) => part > 0));
    left.textContent = `(in ${words.join(" ")})`;
    setTimeout(tick, 1000);
  };
  tick();
}
