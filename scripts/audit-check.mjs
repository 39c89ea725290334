// `npm run audit:check [-- --unless-unanswered]`: fails when a package of the lock file has a known fault of severity high or
// critical. Asks the registry that npm is set to. A registry that gives no advisories (some mirrors do not) is no "clean":
// it says NOT CHECKED then, and the exit is 3, or 0 with --unless-unanswered, for CI on machines that have such a mirror.
import { spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const FAILS = ['high', 'critical'];
const UNLESS_UNANSWERED = '--unless-unanswered';
const args = process.argv.slice(2);
const unknown = args.find((arg) => arg !== UNLESS_UNANSWERED);
if (unknown !== undefined) {
  console.error(`${unknown}: not known here; there is ${UNLESS_UNANSWERED} alone`);
  process.exit(2);
}
const NOT_CHECKED = args.length > 0 ? 0 : 3;

const asked = spawnSync('npm', ['audit', '--json'], { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
let answer;
try {
  answer = JSON.parse(asked.stdout);
} catch {
  answer = { message: asked.stderr.trim() };
}
const counts = answer.metadata?.vulnerabilities;
if (counts === undefined) {
  console.error(`NOT CHECKED: the registry gave no advisories (${answer.message ?? 'no answer'})`);
  process.exit(NOT_CHECKED);
}
const bad = Object.values(answer.vulnerabilities).filter(({ severity }) => FAILS.includes(severity));
for (const { name, severity, range, isDirect } of bad) {
  console.log(`${severity}: ${name} ${range}${isDirect ? '' : ' (a dependency of a dependency)'}`);
}
const text = Object.entries(counts).map(([severity, count]) => `${severity} ${count}`);
console.log(`known faults by severity: ${text.join(', ')}`);
process.exit(bad.length === 0 ? 0 : 1);
