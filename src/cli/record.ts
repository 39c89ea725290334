import { Command } from 'commander';
import { type RecordFlags, readRecordOrder } from './recording/record-order.ts';

const EXAMPLES = `
The extension of FILE says how it is written:
  .sigmf                     SigMF archive: one file, samples and metadata
  .sigmf-meta, .sigmf-data   SigMF recording: a pair of files
  .cf32 .cs16 .cs8 .cu8 .iq  samples and nothing else; what is missing is told here only
Until it is whole it is called FILE.part. A connection that drops is made again, and goes on behind the last sample; what
the server no longer held by then is printed as "missing: samples A to B", and is a capture in SigMF.

Whatever ends the recording, Ctrl-C or a full disk, what has come is kept; what cannot be finished stays as FILE.part.
Exit code: 0 whole, 3 whole with samples missing, 1 shorter than asked for or not finished, 2 wrong usage.

Examples:
  $ passband record adsb --seconds 10 -o aircraft.sigmf       ten seconds, as the receiver made them
  $ passband record sim-1 --samples 1000000 -o noise.cs16     a million samples of 16 bits
  $ passband record adsb --from -3s --seconds 5 -o replay.sigmf-meta   from three seconds ago on
  $ passband record sim-1 --output-rate 50000 --frequency-offset-hz 240000 --seconds 10 -o carrier.sigmf   a part of the band`;

/** `passband record`: writes a station's samples to a file, over the gateway. */
export function recordCommand(): Command {
  const command = new Command('record')
    .description("write a station's samples to a file, without a gap or saying exactly what is missing")
    .argument('<station>', 'id of the station')
    .requiredOption('-o, --output <file>', 'file to write; never overwritten')
    .option('--seconds <n>', 'how long; without --seconds or --samples, until Ctrl-C')
    .option('--samples <n>', 'how many complex samples')
    .option('--datatype <name>', "cf32_le, ci16_le, ci8 or cu8 (default: the extension's, or the source's own)")
    .option(
      '--from <where>',
      'earliest, a sample index, an RFC 3339 time, or seconds back such as -2.5s (default: live)',
    )
    .option('--frequency-offset-hz <hz>', "centre of the part of the band to record, from the station's centre")
    .option(
      '--output-rate <samples/s>',
      "rate of that part: the station's divided by a whole number (default: all of it)",
    )
    .option('--url <url>', 'address of the gateway', 'https://localhost:8443')
    .option('--certs <dir>', 'folder with ca.crt, client.crt and client.key', 'certs')
    .option('--cacert <file>', 'CA certificate, where it is not in that folder')
    .option('--cert <file>', 'client certificate, likewise')
    .option('--key <file>', 'its key, likewise')
    .option('--retry <seconds>', 'how long to try again while nothing comes', '60')
    .addHelpText('after', EXAMPLES);
  return command.action(async (station: string, flags: RecordFlags) => {
    // Imported when it is run: help and refusals need not wait for it.
    const order = await readRecordOrder(station, flags);
    const { runRecord } = await import('./recording/run-record.ts');
    const { exitCode, text } = await runRecord(order, process.stderr);
    if (text !== '') command.configureOutput().writeOut?.(text);
    process.exitCode = exitCode;
  });
}
