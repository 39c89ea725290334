import { Command, CommanderError } from 'commander';
import { UsageError } from '../errors.ts';
import { VERSION } from '../version.ts';
import { auditCommand } from './audit.ts';
import { refuseSecondValues } from './given-once.ts';
import { loadKnownMethods } from './known-methods.ts';
import { openapiCommand } from './openapi.ts';
import { pkiCommand } from './pki.ts';
import { policyCommand } from './policy.ts';
import { addSettings, readSettings } from './program-options.ts';
import { recordCommand } from './record.ts';
import type { Rim } from './serve.ts';

/** Exit code for what the operator got wrong; anything else that fails is 1. */
const EXIT_USAGE = 2;

/**
 * Standard output for people, signals for the end and for reading the files again. The first signal to end stops in order,
 * the second at once.
 */
function processRim(): Rim {
  // From the beginning: whoever asks too early must not end the program by it.
  let reload = (): void => {};
  process.on('SIGHUP', () => reload());
  return {
    say: (text) => void process.stdout.write(text),
    onReload: (listener) => {
      reload = listener;
    },
    stop: new Promise((resolve) => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) {
        process.once(signal, () => {
          process.once(signal, () => process.exit(1));
          resolve(signal);
        });
      }
    }),
  };
}

// The programs are imported when they are run, after what they read is proven: help and refusals need not wait for them.
function program(): Command {
  const root = new Command('passband')
    .description('The HTTPS door to gRPC radios: client certificate in, IQ and spectra out as server-sent events.')
    .version(VERSION)
    .showHelpAfterError('(--help shows what there is)')
    .addHelpText(
      'after',
      `
Examples:
  $ passband up                                             try it: certificates, backend and gateway in one process
  $ passband gateway --proto protos/ --backend radio:50051  the REST face of any annotated proto
  $ passband backend --certs /etc/passband                  the radio services alone`,
    );
  addSettings(root.command('up').description('everything in one process, with development certificates'), 'up').action(
    async (_flags, command: Command) => {
      const config = await readSettings(command, 'up', process.env);
      const rim = processRim();
      const { up } = await import('./up.ts');
      await up(config, rim);
    },
  );
  addSettings(root.command('gateway').description('HTTPS in, gRPC out'), 'gateway').action(
    async (_flags, command: Command) => {
      const config = await readSettings(command, 'gateway', process.env);
      const rim = processRim();
      const { readGatewayFiles } = await import('./proven-files.ts');
      const files = await readGatewayFiles(config);
      const [{ runGateway }, { serve }] = await Promise.all([import('./run-gateway.ts'), import('./serve.ts')]);
      await serve(config, rim, async (log, registry, probesUrl) => {
        const gateway = await runGateway(config, log, registry, files);
        rim.say(
          `gateway             https://localhost:${gateway.port} in front of ${config.backend}\nmetrics and probes  ${probesUrl}\n`,
        );
        return { parts: [gateway], ready: gateway.ready };
      });
    },
  );
  addSettings(root.command('backend').description('the gRPC radio services'), 'backend').action(
    async (_flags, command: Command) => {
      const config = await readSettings(command, 'backend', process.env);
      const rim = processRim();
      const { proveBackendFiles } = await import('./proven-files.ts');
      await proveBackendFiles(config);
      const [{ runBackend }, { serve }] = await Promise.all([import('./run-backend.ts'), import('./serve.ts')]);
      await serve(config, rim, async (log, registry, probesUrl) => {
        const backend = await runBackend(config, log, registry);
        rim.say(`backend             grpcs://localhost:${backend.port}\nmetrics and probes  ${probesUrl}\n`);
        return { parts: [backend], ready: async () => true };
      });
    },
  );
  root.addCommand(auditCommand());
  root.addCommand(pkiCommand());
  root.addCommand(openapiCommand());
  root.addCommand(policyCommand(loadKnownMethods));
  root.addCommand(recordCommand());
  return root;
}

/** A refusal of the file system names the file and needs no stack; anything else that comes here is a fault of ours. */
function faultText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isFileError = 'syscall' in error && 'path' in error;
  return isFileError
    ? `${error.message}; check that the file or folder is there and may be used`
    : (error.stack ?? error.message);
}

/** commander exits with 1 for a wrong flag; every command is told to throw instead, so that one place decides. */
function throwing(command: Command): Command {
  command.exitOverride();
  for (const child of command.commands) throwing(child);
  return command;
}

// A reader that has seen enough, such as `head`, is no fault; what runs goes on without anybody to tell.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  await refuseSecondValues(throwing(program())).parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT_USAGE;
  else if (error instanceof UsageError) {
    process.stderr.write(`passband: ${error.message}\n`);
    process.exitCode = EXIT_USAGE;
  } else {
    process.stderr.write(`passband: ${faultText(error)}\n`);
    process.exitCode = 1;
  }
}
