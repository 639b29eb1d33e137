// What a marked part of a script stands for, beside it while it is pointed at or focused. Without
// scripts the browser shows the title.
const tip = document.createElement('div');
tip.className = 'tip';
tip.hidden = true;
document.body.append(tip);

function show(mark) {
  if (mark.title) {
    mark.dataset.tip = mark.title;
    mark.setAttribute('aria-description', mark.title);
    mark.removeAttribute('title');
  }
  tip.textContent = mark.dataset.tip;
  tip.hidden = false;
  const at = mark.getClientRects()[0];
  const { width, height } = tip.getBoundingClientRect();
  const above = at.top - height - 6;
  tip.style.left = `${Math.max(8, Math.min(at.left, innerWidth - width - 8))}px`;
  tip.style.top = `${above > 56 ? above : at.bottom + 6}px`;
}

const hide = () => { tip.hidden = true; };
const marked = (event) => (event.target instanceof Element ? event.target.closest('.fill') : null);
document.addEventListener('mouseover', (event) => (marked(event) ? show(marked(event)) : hide()));
document.addEventListener('focusin', (event) => (marked(event) ? show(marked(event)) : hide()));
document.addEventListener('focusout', hide);
document.addEventListener('scroll', hide, { capture: true, passive: true });
document.addEventListener('keydown', (event) => { if (event.key === 'Escape') hide(); });
