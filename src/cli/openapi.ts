import { readFile, writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { descriptorsOf } from '../descriptors.ts';
import { UsageError } from '../errors.ts';
import { buildRouteTable } from '../gateway/routes/table.ts';
import { openApiDocument } from '../openapi/document.ts';
import { type DocumentFormat, documentText } from '../openapi/serialize.ts';
import { VERSION } from '../version.ts';

/** What the options of `passband openapi` say. */
interface OpenApiFlags {
  readonly proto?: readonly string[];
  readonly protoPath?: readonly string[];
  readonly output?: string;
  readonly json?: true;
  readonly check?: string;
  readonly title: string;
  readonly apiVersion?: string;
  readonly server: string;
}

const EXAMPLES = `
Examples:
  $ passband openapi -o openapi/passband.yaml          write the description of Passband's own API
  $ passband openapi --check openapi/passband.yaml     fail (exit 1) where that file is out of date
  $ passband openapi --proto protos/ --json            describe another API, on standard output`;

/** `passband openapi`: describes what the gateway serves for a set of protos, as OpenAPI 3.1. */
export function openapiCommand(): Command {
  const command = new Command('openapi')
    .description('describe the REST face of a set of protos as OpenAPI 3.1')
    .option('--proto <path...>', "proto files, or folders of them (default: Passband's own)")
    .option('--proto-path <dir...>', "further roots for import lines, like protoc's -I")
    .option('-o, --output <file>', 'write to a file (JSON where its name ends with .json) and not to standard output')
    .option('--json', 'JSON and not YAML')
    .option('--check <file>', 'write nothing; exit 1 where the file is not what would be written')
    .option('--title <text>', 'title of the API', 'Passband')
    .option('--api-version <text>', "version of the API (default: Passband's version, 0.0.0 for other protos)")
    .option('--server <url>', 'where the API is served', 'https://localhost:8443')
    .addHelpText('after', EXAMPLES);
  return command.action(async (flags: OpenApiFlags) => {
    const { output, check } = flags;
    if (output !== undefined && check !== undefined) {
      throw new UsageError('--check writes nothing; leave --output out, or --check');
    }
    const text = await generate(flags, formatFor(output ?? check, flags.json === true));
    const io = command.configureOutput();
    if (check !== undefined) await compare(check, text, (message) => io.writeErr?.(message));
    else if (output !== undefined) await write(output, text);
    else io.writeOut?.(text);
  });
}

function formatFor(file: string | undefined, json: boolean): DocumentFormat {
  return json || file?.endsWith('.json') === true ? 'json' : 'yaml';
}

async function generate(flags: OpenApiFlags, format: DocumentFormat): Promise<string> {
  const { proto, protoPath = [], title, server } = flags;
  if (!URL.canParse(server) || server.endsWith('/')) {
    throw new UsageError(
      `--server ${server}: must be a URL without a slash at its end, such as https://localhost:8443`,
    );
  }
  const descriptors = await descriptorsOf(proto, protoPath);
  const routes = buildRouteTable(descriptors);
  const version = flags.apiVersion ?? (proto === undefined ? VERSION : '0.0.0');
  const document = openApiDocument(descriptors, routes, { title, version, serverUrl: server, gatewayPages: true });
  return documentText(document, format);
}

async function write(file: string, text: string): Promise<void> {
  await writeFile(file, text).catch((error: unknown) => {
    throw new UsageError(`--output ${file}: cannot be written: ${reason(error)}`, { cause: error });
  });
}

async function compare(file: string, wanted: string, complain: (message: string) => void): Promise<void> {
  const found = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UsageError(`--check ${file}: cannot be read: ${reason(error)}`, { cause: error });
  });
  if (found === wanted) return;
  const lines = found.split('\n');
  const different = wanted.split('\n').findIndex((line, index) => line !== lines[index]);
  complain(`${file} is out of date from line ${(different === -1 ? lines.length : different) + 1}; `);
  complain(`run \`passband openapi -o ${file}\` and commit it\n`);
  process.exitCode = 1;
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
