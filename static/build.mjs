// Builds static/dist/ and templates/partials/sprite.html, which are committed: running or
// compiling the product needs no Node. `npm ci && npm run build` in this folder.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';

const here = new URL('.', import.meta.url).pathname;
const notice = '/*! HERA, Apache-2.0. Third parties: see LICENSES.txt beside this file. */';

rmSync(`${here}dist`, { recursive: true, force: true });

const common = {
  bundle: true,
  minify: true,
  target: ['chrome123', 'firefox121', 'safari17.5'],
  outdir: `${here}dist`,
  legalComments: 'none',
  logLevel: 'warning',
};
await build({
  ...common,
  entryPoints: ['app', 'log', 'editor'].map((name) => `${here}src/js/${name}.js`),
  format: 'esm',
  banner: { js: notice },
});
await build({
  ...common,
  entryPoints: [`${here}src/css/app.css`],
  loader: { '.woff2': 'file' },
  assetNames: 'fonts/[name]-[hash]',
  banner: { css: notice },
});

writeFileSync(`${here}dist/LICENSES.txt`, licences());
writeFileSync(`${here}../templates/partials/sprite.html`, sprite());

// The icons in use. A test compares this list with what the templates name.
function sprite() {
  const outline = `alert-triangle arrow-back-up arrow-narrow-down arrow-narrow-up arrow-right
    backspace ban bell bolt brand-python calendar-event calendar-week check chevron-down chevron-right circle
    circle-dashed circle-x clock copy cpu dots download external-link eye file-text folder folder-plus
    folders git-branch hierarchy-2 history home info-circle key language link list-details lock
    logout moon pencil plus player-pause player-play player-stop plug-connected-x plus refresh
    rotate-clockwise-2 search server-2 settings snowflake sun terminal-2 text-wrap trash user
    versions player-skip-forward database device-floppy x layout-sidebar-right toggle-left
    toggle-right adjustments-horizontal arrow-bar-to-down sum`;
  const filled = 'circle-check circle-x';
  // Tabler has no quarter and half discs in the weight of its circle.
  const own = {
    half: '<circle cx="12" cy="12" r="9"/><path d="M12 3a9 9 0 0 0 0 18z" fill="currentColor"/>',
    quarter: '<circle cx="12" cy="12" r="9"/><path d="M12 12V3a9 9 0 0 1 9 9z" fill="currentColor"/>',
  };
  const body = (style, name) =>
    readFileSync(`${here}node_modules/@tabler/icons/icons/${style}/${name}.svg`, 'utf8')
      .replace(/<!--[\s\S]*?-->/, '')
      .replace(/^[\s\S]*?<svg[^>]*>/, '')
      .replace(/<\/svg>\s*$/, '')
      .replace(/<path stroke="none" d="M0 0h24v24H0z" fill="none" ?\/>/, '')
      .replace(/>\s+</g, '><')
      .trim();
  const line = 'fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round"';
  const symbol = (id, paint, inner) => `<symbol id="i-${id}" viewBox="0 0 24 24" ${paint}>${inner}</symbol>`;
  const names = [...new Set(outline.split(/\s+/))].sort();
  return [
    '<svg class="sprite" aria-hidden="true" width="0" height="0">',
    ...names.map((name) => symbol(name, line, body('outline', name))),
    ...filled.split(' ').map((name) => symbol(`${name}-filled`, 'fill="currentColor"', body('filled', name))),
    ...Object.entries(own).map(([name, inner]) => symbol(name, line, inner)),
    '</svg>',
    '',
  ].join('\n');
}

function licences() {
  const lock = JSON.parse(readFileSync(`${here}package-lock.json`, 'utf8'));
  const shipped = Object.entries(lock.packages).filter(([path, p]) => path && !p.dev && !p.optional);
  const texts = shipped.map(([path, p]) => {
    const name = path.replace(/^.*node_modules\//, '');
    const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'LICENCE']
      .map((f) => `${here}${path}/${f}`)
      .map((f) => { try { return readFileSync(f, 'utf8'); } catch { return null; } })
      .find(Boolean);
    return `${name} ${p.version} (${p.license})\n\n${(file ?? '').trim()}\n`;
  });
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}
