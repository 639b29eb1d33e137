// Keeps relative times and the clock of the frame true.
const zh = document.documentElement.lang.startsWith('zh');
const units = zh
  ? { s: ' 秒', m: ' 分钟', h: ' 小时', d: ' 天' }
  : { s: ' s', m: ' min', h: ' h', d: ' d' };

// The same words as Lang::relative on the server.
export function relative(ms) {
  const seconds = Math.floor(Math.abs(ms) / 1000);
  if (seconds < 5) return zh ? '刚刚' : 'now';
  const [n, unit] = seconds < 60 ? [seconds, units.s]
    : seconds < 3600 ? [Math.floor(seconds / 60), units.m]
    : seconds < 86400 ? [Math.floor(seconds / 3600), units.h]
    : [Math.floor(seconds / 86400), units.d];
  if (zh) return `${n}${unit}${ms > 0 ? '后' : '前'}`;
  return ms > 0 ? `in ${n}${unit}` : `${n}${unit} ago`;
}

// The same words as Lang::duration on the server.
export function duration(ms) {
  const seconds = Math.floor(ms / 1000);
  const two = (n) => String(n).padStart(2, '0');
  const [d, h, m, s] = zh ? ['天', '小时', '分', '秒'] : ['d', 'h', 'm', 's'];
  if (ms < 100) return `${Math.max(0, Math.floor(ms))} ${zh ? '毫秒' : 'ms'}`;
  if (seconds < 10) return `${(ms / 1000).toFixed(1)} ${s}`;
  if (seconds < 60) return `${seconds} ${s}`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} ${m} ${two(seconds % 60)} ${s}`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} ${h} ${two(Math.floor(seconds / 60) % 60)} ${m}`;
  return `${Math.floor(seconds / 86400)} ${d} ${Math.floor(seconds / 3600) % 24} ${h}`;
}

function tick() {
  const now = Date.now();
  for (const time of document.querySelectorAll('time[data-relative]')) {
    const text = relative(Date.parse(time.dateTime) - now);
    if (time.textContent !== text) time.textContent = text;
  }
  for (const since of document.querySelectorAll('[data-since]')) {
    since.textContent = duration(now - Date.parse(since.dataset.since));
  }
  const clock = document.querySelector('[data-clock] b');
  const zone = document.querySelector('[data-clock]')?.dataset.clock;
  if (clock && zone) {
    clock.textContent = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: zone }).format(now);
  }
}
tick();
setInterval(tick, 1000);
