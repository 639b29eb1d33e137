// Keeps statuses true. One EventSource per page says what changed; every element whose data-live
// names it is fetched anew from this page's address and put in its place.
import htmx from 'htmx.org';

const WAIT = 250;
let due = new Set();
let timer = null;
let source = null;

function follow() {
  if (source || document.hidden || !document.querySelector('[data-live]')) return;
  source = new EventSource(`${document.body.dataset.base}/events`);
  // What changed between the making of the page and the opening of the stream was told to nobody.
  source.addEventListener('open', () => touch(['all']));
  // The browser tries again by itself, but not after an answer such as 503 of a starting server.
  source.addEventListener('error', () => {
    if (source?.readyState === EventSource.CLOSED) {
      leave();
      setTimeout(follow, 2000);
    }
  });
  source.addEventListener('change', (event) => touch(event.data.split(' ')));
}

function leave() {
  source?.close();
  source = null;
}

// Changes come in bursts: the elements they touch are fetched together, once.
function touch(words) {
  for (const element of document.querySelectorAll('[data-live]')) {
    const wanted = element.dataset.live.split(' ');
    if (words.includes('all') || words.some((word) => wanted.includes(word))) due.add(element.id);
  }
  if (due.size && !timer) timer = setTimeout(refresh, WAIT);
}

async function refresh() {
  const ids = due;
  due = new Set();
  try {
    // Somebody is typing, choosing or reading a menu there: later.
    const busy = (id) => document.querySelector(`#${id} :is(input, select, textarea):focus, #${id} details[open]`);
    const free = [...ids].filter((id) => !busy(id));
    ids.forEach((id) => { if (!free.includes(id)) due.add(id); });
    if (!free.length) return;
    const response = await fetch(location.href, { headers: { accept: 'text/html' } });
    // The session has ended: the login leads back here.
    if (response.redirected) return location.reload();
    if (!response.ok) return;
    const fresh = new DOMParser().parseFromString(await response.text(), 'text/html');
    dots(fresh);
    for (const id of free) {
      const now = document.getElementById(id);
      const next = fresh.getElementById(id);
      if (!now || !next || now.innerHTML === next.innerHTML) continue;
      const scroll = [...now.querySelectorAll('.table-box, .graph-box, .code')].map((e) => [e.scrollLeft, e.scrollTop]);
      const held = now.contains(document.activeElement) ? document.activeElement.getAttribute('href') : null;
      now.replaceChildren(...next.childNodes);
      now.querySelectorAll('.table-box, .graph-box, .code').forEach((e, i) => {
        if (scroll[i]) [e.scrollLeft, e.scrollTop] = scroll[i];
      });
      if (held) now.querySelector(`a[href="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
      htmx.process(now);
    }
  } finally {
    timer = due.size ? setTimeout(refresh, 1000) : null;
  }
}

// The tree keeps what is open in it: only the statuses of its nodes are renewed.
function dots(fresh) {
  for (const link of fresh.querySelectorAll('[data-tree] a')) {
    const now = document.querySelector(`[data-tree] a[href="${CSS.escape(link.getAttribute('href'))}"]`);
    const next = link.closest('summary, .leaf')?.querySelector('.tree-dot');
    const dot = now?.closest('summary, .leaf').querySelector('.tree-dot');
    if (!now || dot?.className === next?.className) continue;
    dot?.remove();
    if (next) now.closest('summary, .leaf').append(next);
  }
}

const polled = document.querySelector('[data-poll]');
// A browser keeps six connections to a place for all its tabs: those that nobody sees give theirs back.
document.addEventListener('visibilitychange', () => (document.hidden ? leave() : follow()));
window.addEventListener('pagehide', leave);
window.addEventListener('pageshow', follow);
if (polled) setInterval(() => { if (!document.hidden) touch(['all']); }, polled.dataset.poll * 1000);
follow();
