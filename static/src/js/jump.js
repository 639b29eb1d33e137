// Ctrl-K: jump to a job by name or id. Without scripts the box is a form that searches.
const box = document.querySelector('[data-jump]');

if (box) {
  const input = box.querySelector('input');
  const list = document.createElement('div');
  list.className = 'jump-list';
  list.id = 'jump-list';
  list.setAttribute('role', 'listbox');
  list.hidden = true;
  box.append(list);
  input.setAttribute('role', 'combobox');
  input.setAttribute('aria-controls', list.id);
  input.setAttribute('aria-expanded', 'false');
  let at = 0;
  let asked = 0;

  const show = (shown) => {
    list.hidden = !shown;
    input.setAttribute('aria-expanded', String(shown));
  };
  const choose = (index) => {
    const items = [...list.querySelectorAll('a')];
    if (!items.length) return;
    at = (index + items.length) % items.length;
    items.forEach((item, i) => item.setAttribute('aria-selected', String(i === at)));
    items[at].scrollIntoView({ block: 'nearest' });
    input.setAttribute('aria-activedescendant', items[at].id);
  };
  const ask = async () => {
    const query = input.value.trim();
    const turn = ++asked;
    if (!query) return show(false);
    const response = await fetch(`${document.body.dataset.base}/search/jobs?q=${encodeURIComponent(query)}`);
    if (!response.ok || turn !== asked) return;
    const jobs = await response.json();
    list.replaceChildren(...jobs.map((job, i) => {
      const link = document.createElement('a');
      link.href = job.href;
      link.id = `jump-${i}`;
      link.setAttribute('role', 'option');
      link.tabIndex = -1;
      const name = document.createElement('b');
      name.textContent = job.name;
      name.className = 'cut';
      const id = document.createElement('span');
      id.className = 'id muted';
      id.textContent = job.id;
      const group = document.createElement('span');
      group.className = 'muted small cut grow num';
      group.textContent = job.group ?? '';
      link.append(name, id, group);
      return link;
    }));
    if (!jobs.length) {
      const none = document.createElement('p');
      none.className = 'empty';
      none.textContent = input.dataset.none;
      list.append(none);
    }
    show(true);
    choose(0);
  };

  let typing;
  input.addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(ask, 80);
  });
  input.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown') choose(at + 1);
    else if (event.key === 'ArrowUp') choose(at - 1);
    else if (event.key === 'Escape') { show(false); input.blur(); return; }
    else if (event.key === 'Enter' && !list.hidden && list.querySelector('a')) location.assign(list.querySelectorAll('a')[at].href);
    else return;
    event.preventDefault();
  });
  input.addEventListener('blur', () => setTimeout(() => show(false), 150));
  document.addEventListener('keydown', (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === 'k') {
      event.preventDefault();
      input.focus();
      input.select();
    }
  });
}
