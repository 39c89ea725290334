/**
 * The rtl_tcp protocol of Osmocom's rtl-sdr: a header of 12 bytes from the server, then samples (cu8) without any framing;
 * commands of 5 bytes from the client, which nobody answers.
 */

/** Bytes of the server's header. */
export const HEADER_BYTES = 12;
/** Bytes of a client's command. */
export const COMMAND_BYTES = 5;
/** Largest argument of a command: 32 bits. */
export const MAX_ARGUMENT = 2 ** 32 - 1;

const MAGIC = 'RTL0';

/** Numbers of tuners and of gains that a header may hold: the drivers know 6 kinds with 29 gains at most; beyond is a lie. */
const MAX_TUNER_TYPE = 255;
const MAX_GAIN_COUNT = 255;

/** Commands by name; an index of gain and the rest of rtl_tcp's commands are never sent. */
const CODES = {
  frequency: 0x01,
  sampleRate: 0x02,
  /** 0 automatic, 1 by hand. */
  gainMode: 0x03,
  /** Tenths of a decibel. */
  gain: 0x04,
  /** Parts per million, signed. */
  frequencyCorrection: 0x05,
  /** The demodulator's digital gain control: 0 off, 1 on. */
  agc: 0x08,
} as const;

/** Commands that are sent, and that are told of when they are received. */
export type CommandName = keyof typeof CODES;

/** What a server says of itself. */
export interface RtlTcpHeader {
  /** Number of the tuner chip in the driver: 5 is an R820T; 0 is unknown. */
  readonly tunerType: number;
  /** How many steps of gain it has. */
  readonly gainCount: number;
}

/** A header as bytes. */
export function encodeHeader({ tunerType, gainCount }: RtlTcpHeader): Buffer {
  const bytes = Buffer.from(`${MAGIC}        `, 'latin1');
  bytes.writeUInt32BE(tunerType, 4);
  bytes.writeUInt32BE(gainCount, 8);
  return bytes;
}

/**
 * Reads a header.
 *
 * @param bytes HEADER_BYTES of them.
 * @throws RangeError that says why it is none.
 */
export function parseHeader(bytes: Buffer): RtlTcpHeader {
  if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) throw new RangeError(`it does not begin with ${MAGIC}`);
  const header = { tunerType: bytes.readUInt32BE(4), gainCount: bytes.readUInt32BE(8) };
  if (header.tunerType > MAX_TUNER_TYPE || header.gainCount > MAX_GAIN_COUNT) {
    throw new RangeError(`it names tuner ${header.tunerType} with ${header.gainCount} gains, which no server has`);
  }
  return header;
}

/**
 * A command as bytes.
 *
 * @param argument a whole number from -2^31 to 2^32 - 1; negative ones are sent as two's complement.
 */
export function encodeCommand(name: CommandName, argument: number): Buffer {
  const bytes = Buffer.alloc(COMMAND_BYTES);
  bytes.writeUInt8(CODES[name], 0);
  bytes.writeUInt32BE(argument >>> 0, 1);
  return bytes;
}

/** A command as it was received; its name is undefined where it is none of those above. */
export interface ReceivedCommand {
  readonly code: number;
  readonly name: CommandName | undefined;
  /** Unsigned. */
  readonly argument: number;
}

const NAMES = new Map<number, CommandName>(
  (Object.keys(CODES) as CommandName[]).map((name) => [CODES[name], name] as const),
);

/** Reads a command of COMMAND_BYTES. */
export function parseCommand(bytes: Buffer): ReceivedCommand {
  const code = bytes.readUInt8(0);
  return { code, name: NAMES.get(code), argument: bytes.readUInt32BE(1) };
}
