// What a newcomer does: start, log in, open the example, recover its first job, watch it run.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');
const shots = path.join(import.meta.dirname, 'out');
const GROUPS = {
  collect: ['weather_extract', 'weather_validate'],
  analyse: ['weather_temperature', 'weather_rain', 'weather_spells'],
  publish: ['weather_compare', 'weather_report', 'weather_publish'],
};
const PATIENCE = 60_000;

let data, environment, started, browser, context;
const complaints = [];

before(async () => {
  data = mkdtempSync(path.join(tmpdir(), 'hera-e2e-'));
  mkdirSync(shots, { recursive: true });
  environment = {
    ...process.env,
    HERA_DATA_DIR: data,
    HERA_PORT: String(await freePort()),
    HERA_CONNECT_PORT: String(await freePort()),
    HERA_TIMEZONE: 'UTC',
  };
  for (const name of ['HERA_DATABASE_URL', 'HERA_BIND', 'HERA_ADMIN_PASSWORD', 'HERA_PROFILE']) delete environment[name];
  started = (await start('-d')).stdout;
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: process.getuid() === 0 ? ['--no-sandbox'] : [],
  });
  context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1440, height: 900 } });
  context.setDefaultTimeout(PATIENCE);
  context.on('console', (message) => {
    if (message.type() === 'error') complaints.push(`${message.page()?.url()}: ${message.text()}`);
  });
  context.on('weberror', (error) => complaints.push(String(error.error())));
});

after(async () => {
  await browser?.close();
  if (environment) await start('stop').catch((error) => console.error(error.stderr ?? error));
  if (data) rmSync(data, { recursive: true, force: true });
});

test('a newcomer recovers the example and sees it turn green in order', async () => {
  const url = started.match(/http:\S+\/hera/)?.[0];
  assert.ok(url, `start.sh prints the URL: ${started}`);
  assert.match(started, /hera \/ biadmin/);

  const page = await context.newPage();
  await page.goto(`${url}/schedule`);
  await page.getByLabel('User').fill('hera');
  await page.getByLabel('Password').fill('biadmin');
  await page.screenshot({ path: path.join(shots, 'login.png') });
  await page.getByRole('button', { name: 'Log in' }).click();

  const weather = page.locator('main').getByRole('link', { name: 'weather', exact: false }).first();
  await weather.click();
  const watched = await watchGroups(page);

  await page.locator('.cards').getByRole('link', { name: /collect/ }).click();
  await page.locator('table').getByRole('link', { name: 'weather_extract' }).click();
  await page.getByRole('heading', { name: 'weather_extract', level: 1 }).waitFor();
  await page.screenshot({ path: path.join(shots, 'job.png') });

  await page.locator('.actions').getByRole('link', { name: 'Run' }).click();
  await page.locator('input[name=trigger][value=recover]').check();
  await page.getByRole('button', { name: 'Start' }).click();
  await page.waitForURL(/\/runs\/\d+/);
  const log = page.getByRole('log');
  await log.getByText(/days \d\d-01 to \d\d-\d\d of every year/).waitFor();
  await page.locator('#run-top .big-status .st-success').waitFor();
  await log.getByText(/observations\.csv/).last().waitFor();
  await page.screenshot({ path: path.join(shots, 'run.png') });

  const green = await whenGreen(watched);
  assert.deepEqual(Object.keys(green).sort(), Object.values(GROUPS).flat().sort());
  for (const [up, down] of [
    ['weather_extract', 'weather_validate'],
    ['weather_compare', 'weather_report'],
    ['weather_report', 'weather_publish'],
  ]) {
    assert.ok(green[up] <= green[down], `${up} turned green at ${green[up]}, ${down} at ${green[down]}`);
  }
  await watched.analyse.screenshot({ path: path.join(shots, 'group.png') });

  checkReport();
  assert.deepEqual(complaints, []);
});

// Opens every group of the example in a tab of its own, which notes when a job's row turns green.
async function watchGroups(page) {
  const pages = {};
  for (const name of Object.keys(GROUPS)) {
    const href = await page.locator('.cards').getByRole('link', { name: new RegExp(name) }).getAttribute('href');
    const tab = await context.newPage();
    await tab.goto(new URL(href, page.url()).href);
    await tab.evaluate(() => {
      window.green = {};
      const look = () => {
        for (const row of document.querySelectorAll('main table tbody tr')) {
          const job = row.querySelector('a.name')?.textContent;
          if (job && row.querySelector('.st-success')) window.green[job] ??= Date.now();
        }
      };
      new MutationObserver(look).observe(document.body, { childList: true, subtree: true, attributes: true });
      look();
    });
    pages[name] = tab;
  }
  return pages;
}

// Waits until every row has turned green without a reload, and tells when.
async function whenGreen(pages) {
  const green = {};
  for (const [name, tab] of Object.entries(pages)) {
    const all = GROUPS[name].length;
    await tab.waitForFunction((all) => Object.keys(window.green).length === all, all);
    Object.assign(green, await tab.evaluate(() => window.green));
  }
  return green;
}

// The rain of the report against a sum over the data itself.
function checkReport() {
  const report = readFileSync(path.join(data, 'example/weather/latest/report.csv'), 'utf8');
  const [, last] = readFileSync(path.join(data, 'example/weather/latest/report.md'), 'utf8').match(/ to (\d\d-\d\d)/);
  const rows = readFileSync(path.join(root, 'examples/weather/data/weather.csv'), 'utf8').trim().split('\n').slice(1);
  const first = `${last.slice(0, 2)}-01`;
  for (const place of ['Seattle', 'New York']) {
    const rain = rows
      .map((row) => row.split(','))
      .filter(([where, date]) => where === place && date.startsWith('2015') && date.slice(5) >= first && date.slice(5) <= last)
      .reduce((sum, cells) => sum + Number(cells[2]), 0);
    assert.ok(report.includes(`${place},rain,${rain.toFixed(4)},`), `${place} had ${rain} mm in:\n${report}`);
  }
}

function start(...words) {
  return run(path.join(root, 'start.sh'), words, { env: environment, cwd: root });
}

// Below the ports that outgoing connections take.
async function freePort() {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const server = createServer();
    const free = await new Promise((done) => {
      server.once('error', () => done(false));
      server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
    });
    if (free) return port;
  }
}
