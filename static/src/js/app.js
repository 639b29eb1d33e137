// What every page carries. Each part binds itself to data-* attributes and does nothing where
// they are absent; pages work without any of it.
import htmx from 'htmx.org';
import './clock.js';
import './copy.js';
import './edit.js';
import './jump.js';
import './live.js';
import './menu.js';
import './sheet.js';
import './theme.js';
import './tip.js';
import './tree.js';

window.htmx = htmx;
