// The live log: read by server-sent events, kept as lines, drawn in blocks of which only those
// near the view have content. Megabytes stay smooth because nothing else is in the document.
import { copy } from './toast.js';

const BLOCK = 200;
const LINE = 20;
const ERROR = /\b(error|exception|fatal|traceback|failed|failure|panic(ked)?)\b/i;
const CALM = /\b(0|no|without) (errors?|failures?|failed)\b/i;

class LogView {
  constructor(root) {
    const $ = (name) => root.querySelector(`[data-log-${name}]`);
    Object.assign(this, {
      root, scroll: $('scroll'), marks: $('marks'), state: $('state'), count: $('count'), field: $('search'),
      hitsText: $('hits'), followButton: $('follow'), wrapButton: $('wrap'), errorButton: $('error'),
      errorsText: root.querySelector('[data-log-errors]'),
      lines: [], rest: '', blocks: [], errors: [], errorAt: -1, query: '', hits: [], hit: -1, offset: 0,
      following: true, marked: null, gaps: new Set(),
    });
    this.watcher = new IntersectionObserver((entries) => {
      for (const entry of entries) this.fill(entry.target, entry.isIntersecting);
    }, { root: this.scroll, rootMargin: '1200px 0px' });
    this.bind($);
    const line = /^#L(\d+)$/.exec(location.hash);
    if (line) {
      this.marked = Number(line[1]) - 1;
      this.follow(false);
    }
    document.addEventListener('visibilitychange', () => (document.hidden ? this.leave() : this.open()));
    window.addEventListener('pagehide', () => this.leave());
    window.addEventListener('pageshow', () => this.open());
    this.open();
  }

  // --- reading ---------------------------------------------------------------------------------

  open() {
    if (this.source || this.ended || document.hidden) return;
    const url = `${document.body.dataset.base}/api/v1/runs/${this.root.dataset.run}/log/stream?offset=${this.offset}`;
    const source = new EventSource(url);
    this.source = source;
    source.addEventListener('log', (event) => this.add(event));
    source.addEventListener('gap', (event) => this.gap(event));
    source.addEventListener('end', () => {
      this.ended = true;
      this.leave();
      if (this.rest) this.push([this.rest]);
      this.rest = '';
      this.tell('done', 'complete');
      this.draw();
      if (!this.lines.length) this.empty(this.root.dataset.tEmpty);
    });
    source.addEventListener('error', () => {
      this.tell('lost', 'reconnecting');
      // The browser tries again by itself, but not after an answer such as 503 of a starting server.
      if (source.readyState !== EventSource.CLOSED || this.source !== source) return;
      this.leave();
      setTimeout(() => this.open(), 2000);
    });
    source.addEventListener('open', () => this.tell('live', 'live'));
    this.empty(this.root.dataset.tWaiting);
  }

  // A tab that nobody sees gives its connection back and goes on later where it was.
  leave() {
    this.source?.close();
    this.source = null;
  }

  tell(kind, word) {
    this.state.className = `log-state ${kind}`;
    this.state.textContent = this.root.dataset[`t${word[0].toUpperCase()}${word.slice(1)}`];
  }

  add(event) {
    this.offset = Number(event.lastEventId);
    const text = this.rest + event.data;
    const lines = text.split('\n');
    this.rest = lines.pop();
    if (lines.length) this.push(lines);
    this.schedule();
  }

  gap(event) {
    const { from, to } = JSON.parse(event.data);
    this.offset = to;
    if (this.rest) this.push([this.rest]);
    this.rest = '';
    this.gaps.add(this.lines.length);
    this.push([`⋯ ${bytes(to - from)} ${this.root.dataset.tGap} ⋯`]);
    this.schedule();
  }

  empty(text) {
    if (this.lines.length) return;
    const note = document.createElement('p');
    note.className = 'log-empty';
    note.textContent = text;
    this.scroll.replaceChildren(note);
  }

  push(lines) {
    if (!this.lines.length) this.scroll.replaceChildren();
    for (const raw of lines) {
      // A progress bar rewrites its line: what it ended with is what counts.
      const text = raw.replace(/\r$/, '');
      const line = text.slice(text.lastIndexOf('\r') + 1);
      const number = this.lines.push(line) - 1;
      if (ERROR.test(line) && !CALM.test(line)) this.errors.push(number);
      if (this.query && plain(line).toLowerCase().includes(this.query)) this.hits.push(number);
      let block = this.blocks.at(-1);
      if (!block || number % BLOCK === 0) {
        block = document.createElement('div');
        block.className = 'log-block';
        block.first = number;
        this.blocks.push(block);
        this.scroll.append(block);
        this.watcher.observe(block);
      }
      block.stale = true;
    }
  }

  schedule() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  // --- drawing ---------------------------------------------------------------------------------

  draw() {
    for (const block of this.blocks) {
      if (!block.stale) continue;
      if (block.shown) this.fill(block, true);
      else this.size(block);
    }
    const { tLine, tLines } = this.root.dataset;
    this.count.textContent = `${this.lines.length.toLocaleString()} ${this.lines.length === 1 ? tLine : tLines}`;
    this.errorButton.hidden = !this.errors.length;
    this.errorsText.textContent = this.errors.length;
    this.tellHits();
    this.paintMarks();
    if (this.following) this.scroll.scrollTop = this.scroll.scrollHeight;
    if (this.marked !== null && this.marked < this.lines.length && !this.jumped) {
      this.jumped = true;
      this.show(this.marked);
    }
  }

  length(block) {
    return Math.min(BLOCK, this.lines.length - block.first);
  }

  // A block that is not filled keeps the height it had, or the one its lines will have.
  size(block) {
    block.style.height = `${block.known ?? this.length(block) * LINE}px`;
    block.stale = false;
  }

  fill(block, shown) {
    if (!shown) {
      if (block.shown) {
        block.known = block.offsetHeight;
        block.shown = false;
        block.replaceChildren();
        this.size(block);
      }
      return;
    }
    if (block.shown && !block.stale) return;
    block.shown = true;
    block.stale = false;
    block.known = undefined;
    block.style.height = '';
    const wanted = this.length(block);
    const now = this.hits[this.hit];
    // A growing last block only gets its new lines.
    for (let i = block.childElementCount; i < wanted; i++) block.append(this.line(block.first + i, now));
  }

  line(number, now) {
    const row = document.createElement('div');
    row.className = 'ln';
    if (ERROR.test(this.lines[number]) && !CALM.test(this.lines[number])) row.classList.add('err');
    if (number === this.marked) row.classList.add('mark');
    if (this.gaps.has(number)) row.classList.add('missing');
    const link = document.createElement('a');
    link.href = `#L${number + 1}`;
    link.textContent = number + 1;
    link.title = this.root.dataset.tCopy;
    link.tabIndex = -1;
    const text = document.createElement('span');
    paint(text, this.lines[number], this.query, number === now);
    row.append(link, text);
    return row;
  }

  redraw() {
    for (const block of this.blocks) {
      if (block.shown) block.replaceChildren();
      block.stale = true;
    }
    this.draw();
  }

  paintMarks() {
    const canvas = this.marks;
    const height = canvas.clientHeight;
    canvas.height = height;
    const paint2d = canvas.getContext('2d');
    const total = Math.max(this.lines.length, 1);
    const draw = (numbers, colour) => {
      paint2d.fillStyle = colour;
      for (const number of numbers) paint2d.fillRect(2, Math.floor((number / total) * height), 6, 2);
    };
    draw(this.errors, resolve(this.root, '--red'));
    draw(this.hits, resolve(this.root, '--amber'));
  }

  // --- moving ----------------------------------------------------------------------------------

  show(number) {
    const block = this.blocks[Math.floor(number / BLOCK)];
    if (!block) return;
    this.follow(false);
    this.fill(block, true);
    const row = block.children[number - block.first];
    row?.scrollIntoView({ block: 'center' });
    // Blocks above get their true heights as they come near: once more when they have.
    requestAnimationFrame(() => row?.isConnected && row.scrollIntoView({ block: 'center' }));
  }

  follow(on) {
    this.following = on;
    this.followButton.setAttribute('aria-pressed', String(on));
    if (on) this.scroll.scrollTop = this.scroll.scrollHeight;
  }

  search(query) {
    this.query = query.toLowerCase();
    this.hits = [];
    this.hit = -1;
    if (this.query) {
      this.lines.forEach((line, number) => {
        if (plain(line).toLowerCase().includes(this.query)) this.hits.push(number);
      });
    }
    if (this.hits.length) this.step(1);
    else this.redraw();
  }

  step(by) {
    if (!this.hits.length) return;
    this.hit = (this.hit + by + this.hits.length) % this.hits.length;
    this.follow(false);
    this.redraw();
    this.show(this.hits[this.hit]);
  }

  tellHits() {
    this.hitsText.textContent = !this.query ? '' : this.hits.length ? `${this.hit + 1} / ${this.hits.length}` : '0';
  }

  bind($) {
    let typing;
    this.field.addEventListener('input', () => {
      clearTimeout(typing);
      typing = setTimeout(() => this.search(this.field.value), 150);
    });
    this.field.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter') return;
      event.preventDefault();
      this.step(event.shiftKey ? -1 : 1);
    });
    $('next').addEventListener('click', () => this.step(1));
    $('prev').addEventListener('click', () => this.step(-1));
    this.errorButton.addEventListener('click', () => {
      this.errorAt = (this.errorAt + 1) % this.errors.length;
      this.show(this.errors[this.errorAt]);
    });
    this.followButton.addEventListener('click', () => this.follow(!this.following));
    const wrap = (on) => {
      this.scroll.classList.toggle('wrap', on);
      this.wrapButton.setAttribute('aria-pressed', String(on));
    };
    wrap(localStorage.getItem('hera_wrap') === '1');
    this.wrapButton.addEventListener('click', () => {
      const on = !this.scroll.classList.contains('wrap');
      wrap(on);
      localStorage.setItem('hera_wrap', on ? '1' : '0');
      for (const block of this.blocks) block.known = undefined;
      this.redraw();
    });
    // Scrolling up pauses, reaching the end follows again.
    this.scroll.addEventListener('wheel', (event) => { if (event.deltaY < 0) this.follow(false); }, { passive: true });
    this.scroll.addEventListener('keydown', (event) => {
      if (['ArrowUp', 'PageUp', 'Home'].includes(event.key)) this.follow(false);
      if (event.key === 'End') this.follow(true);
    });
    this.scroll.addEventListener('scroll', () => {
      const left = this.scroll.scrollHeight - this.scroll.scrollTop - this.scroll.clientHeight;
      if (left < 4 && !this.following && this.marked === null) this.follow(true);
    }, { passive: true });
    this.scroll.addEventListener('click', (event) => {
      const link = event.target.closest('.ln > a');
      if (!link) return;
      event.preventDefault();
      this.marked = Number(link.textContent) - 1;
      this.jumped = true;
      this.follow(false);
      history.replaceState(null, '', link.hash);
      copy(location.href);
      this.redraw();
    });
    document.addEventListener('keydown', (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'f') {
        event.preventDefault();
        this.field.focus();
        this.field.select();
      }
    });
    new ResizeObserver(() => this.paintMarks()).observe(this.marks);
    const drawer = document.querySelector('[data-drawer]');
    const narrow = matchMedia('(max-width: 800px)');
    drawer?.setAttribute('aria-expanded', String(!narrow.matches));
    drawer?.addEventListener('click', () => {
      const body = drawer.closest('.run-body');
      const open = narrow.matches ? body.classList.toggle('open') : !body.classList.toggle('wide');
      drawer.setAttribute('aria-expanded', String(open));
    });
  }
}

// The same words as Lang::bytes on the server.
function bytes(count) {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let unit = 0;
  for (; count >= 1024 && unit < 3; unit++) count /= 1024;
  return `${unit ? count.toFixed(1) : count} ${units[unit]}`;
}

function resolve(element, name) {
  const probe = document.createElement('i');
  probe.style.color = `var(${name})`;
  element.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

// --- text --------------------------------------------------------------------------------------

const ESCAPE = /\x1b\[([0-9;:?]*)([A-Za-z])|\x1b\][^\x07]*(?:\x07|\x1b\\)|\x1b./g;

function plain(text) {
  return text.includes('\x1b') ? text.replace(ESCAPE, '') : text;
}

// Writes a line with its ANSI colours and with the hits of a search marked.
function paint(target, text, query, now) {
  let classes = [];
  let from = 0;
  const put = (part) => {
    if (!part) return;
    if (!classes.length) return mark(target, part, query, now);
    const span = document.createElement('span');
    span.className = classes.join(' ');
    mark(span, part, query, now);
    target.append(span);
  };
  if (!text.includes('\x1b')) return put(text);
  for (const match of text.matchAll(ESCAPE)) {
    put(text.slice(from, match.index));
    from = match.index + match[0].length;
    if (match[2] === 'm') classes = style(classes, match[1]);
  }
  put(text.slice(from));
}

function style(classes, codes) {
  let next = classes;
  const numbers = codes.split(/[;:]/).map(Number);
  for (let i = 0; i < numbers.length; i++) {
    const code = numbers[i];
    const drop = (low, high) => { next = next.filter((c) => { const n = Number(c.slice(1)); return n < low || n > high; }); };
    if (code === 0) next = [];
    else if (code === 38 || code === 48) {
      i += numbers[i + 1] === 5 ? 2 : 4;
    } else if (code === 22) drop(1, 2);
    else if (code === 23) drop(3, 3);
    else if (code === 24) drop(4, 4);
    else if (code === 39) { drop(30, 37); drop(90, 97); }
    else if (code === 49) drop(40, 47);
    else {
      if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) { drop(30, 37); drop(90, 97); }
      if (code >= 40 && code <= 47) drop(40, 47);
      next = [...next, `a${code}`];
    }
  }
  return next;
}

function mark(target, text, query, now) {
  if (!query) return target.append(text);
  const lower = text.toLowerCase();
  let from = 0;
  for (let at = lower.indexOf(query); at >= 0; at = lower.indexOf(query, from)) {
    const hit = document.createElement('mark');
    if (now) hit.className = 'now';
    hit.textContent = text.slice(at, at + query.length);
    target.append(text.slice(from, at), hit);
    from = at + query.length;
  }
  target.append(text.slice(from));
}

for (const root of document.querySelectorAll('[data-log]')) new LogView(root);
