// `npm test`: the static checks, then every test. Tests that need a program from outside say so in a line
// `// needs: NAME, NAME` (names below). As root on Debian what is missing is installed first; elsewhere those files are
// left out, and the run ends with what was left out and how to get it. Under CI a missing program is a failure.
// Arguments are handed to jest: `npm test -- test/pki`; with them the static checks are left out.
// `npm run test:slow` does the same for test/slow, which `npm test` leaves out: what takes long, or needs large programs.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** What tests may need: how to see that it is there, and the Debian package that brings it. */
const PROGRAMS = {
  openssl: { debian: 'openssl', there: ['openssl', ['version']] },
  curl: { debian: 'curl', there: ['curl', ['--version']] },
  prlimit: { debian: 'util-linux', there: ['prlimit', ['--version']] },
  // A small file system that can be filled up; only root can mount one, and not in every container, whatever is installed.
  tmpfs: {
    debian: 'mount',
    isRight: true,
    there: [
      'sh',
      ['-c', 'd=$(mktemp -d) && mount -t tmpfs -o size=64k tmpfs "$d" && umount "$d"; s=$?; rmdir "$d"; exit $s'],
    ],
  },
  testssl: { debian: 'testssl.sh', there: ['testssl', ['--version']] },
  sslscan: { debian: 'sslscan', there: ['sslscan', ['--version']] },
  'python-grpc': { debian: 'python3-grpc-tools', there: ['/usr/bin/python3', ['-c', 'import grpc, grpc_tools']] },
  'python-compression': {
    debian: 'python3-zstandard python3-lz4',
    there: ['/usr/bin/python3', ['-c', 'import zstandard, lz4.frame']],
  },
  'python-zmq': { debian: 'python3-zmq python3-numpy', there: ['/usr/bin/python3', ['-c', 'import zmq, numpy']] },
  easyrsa: { debian: 'easy-rsa', there: ['/usr/share/easy-rsa/easyrsa', ['--version']] },
  mosquitto: {
    debian: 'mosquitto mosquitto-clients',
    there: ['sh', ['-c', 'command -v mosquitto && command -v mosquitto_pub']],
  },
  certutil: { debian: 'libnss3-tools', there: ['sh', ['-c', 'command -v certutil && command -v pk12util']] },
  // A policy of /etc answers its question for a certificate; only root can put one there.
  chromium: { debian: 'chromium', there: ['sh', ['-c', 'command -v chromium && test -w /etc']] },
  gnuradio: { debian: 'gnuradio', there: ['/usr/bin/python3', ['-c', 'import gnuradio.zeromq, gnuradio.analog']] },
  'multimon-ng': { debian: 'multimon-ng', there: ['sh', ['-c', 'command -v multimon-ng']] },
  gen_packets: { debian: 'direwolf', there: ['sh', ['-c', 'command -v gen_packets']] },
  'rtl-433': { debian: 'rtl-433', there: ['rtl_433', ['-V']] },
  skyfield: { debian: 'python3-skyfield', there: ['/usr/bin/python3', ['-c', 'import skyfield, sgp4']] },
  rotctld: { debian: 'libhamlib-utils', there: ['rotctld', ['--version']] },
  jsonschema: { debian: 'python3-jsonschema', there: ['/usr/bin/python3', ['-c', 'import jsonschema']] },
  script: { debian: 'bsdutils', there: ['script', ['--version']] },
  scipy: { debian: 'python3-scipy', there: ['/usr/bin/python3', ['-c', 'import scipy.signal']] },
};

const bin = (name) => join(root, 'node_modules', '.bin', name);
const run = (program, args, options = {}) => spawnSync(program, args, { cwd: root, stdio: 'inherit', ...options });
const isThere = ({ there: [program, args] }) => run(program, args, { stdio: 'ignore' }).status === 0;

function installMissing(missing) {
  const isRootOnDebian =
    process.getuid?.() === 0 && existsSync('/etc/debian_version') && existsSync('/usr/bin/apt-get');
  if (missing.length === 0 || !isRootOnDebian) return;
  const packages = missing.flatMap((name) => PROGRAMS[name].debian.split(' '));
  console.log(`installing for the tests: ${packages.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  run('apt-get', ['update', '-qq'], { env });
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env });
}

function testFiles(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.ts') && !entry.parentPath.includes('node_modules'))
    .map((entry) => join(entry.parentPath, entry.name));
}

function needsOf(file) {
  const line = /^\/\/ needs: (.+)$/m.exec(readFileSync(file, 'utf8'));
  const names = line === null ? [] : line[1].split(',').map((name) => name.trim());
  for (const name of names) if (!(name in PROGRAMS)) throw new Error(`${file}: "needs: ${name}" is not known`);
  return names;
}

const isSlow = process.argv[2] === '--slow';
const jestArguments = process.argv.slice(isSlow ? 3 : 2);
const slowFolder = join(root, 'test', 'slow');
const files = testFiles(join(root, 'test')).filter((file) => file.startsWith(slowFolder) === isSlow);
const needed = [...new Set(files.flatMap(needsOf))];
const missingAtFirst = needed.filter((name) => !isThere(PROGRAMS[name]));
installMissing(missingAtFirst);
const missing = missingAtFirst.filter((name) => !isThere(PROGRAMS[name]));
const leftOut = files.filter((file) => needsOf(file).some((name) => missing.includes(name)));
const demanded = missing.filter((name) => PROGRAMS[name].isRight !== true);
if (process.env.CI && demanded.length > 0) {
  console.error(`missing for the tests: ${demanded.map((name) => PROGRAMS[name].debian).join(' ')}`);
  process.exit(1);
}

if (jestArguments.length === 0) {
  for (const script of isSlow ? ['build'] : ['build', 'check']) {
    const checked = run('npm', ['run', '--silent', script]);
    if (checked.status !== 0) {
      console.error(`npm run ${script} failed`);
      process.exit(checked.status ?? 1);
    }
  }
}

const results = join(mkdtempSync(join(tmpdir(), 'passband-test-')), 'results.json');
const escaped = (path) => path.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const ignored = [...leftOut.map((file) => `^${escaped(file)}$`), ...(isSlow ? [] : [`^${escaped(slowFolder)}/`])];
const chosen = isSlow && jestArguments.length === 0 ? ['test/slow/'] : jestArguments;
const jest = run(
  bin('node'),
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    bin('jest'),
    '--json',
    `--outputFile=${results}`,
    // These leave no core idle: demodulators, GNU Radio.
    ...(isSlow ? ['--maxWorkers=2'] : []),
    // In front of the option below, which takes every word that follows it for a pattern.
    ...chosen,
    '--testPathIgnorePatterns',
    '/node_modules/',
    ...ignored,
  ],
  { stdio: ['ignore', 'ignore', 'inherit'] },
);

const { numPassedTests = 0, numFailedTests = 0 } = existsSync(results) ? JSON.parse(readFileSync(results, 'utf8')) : {};
console.log(`${numPassedTests} passed, ${numFailedTests} failed`);
if (leftOut.length > 0) {
  console.log('\nNot run, since programs that they need are not on this machine:');
  for (const file of leftOut) console.log(`  ${relative(root, file)}  (${needsOf(file).join(', ')})`);
  console.log('On Debian or Ubuntu this brings them:');
  console.log(`  sudo apt-get install ${missing.map((name) => PROGRAMS[name].debian).join(' ')}`);
}
process.exit(jest.status ?? 1);
