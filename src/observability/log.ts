import pino from 'pino';

/** The logger that the program hands to its parts; tests hand in {@link noLog}. */
export type Log = pino.Logger;

/** Levels that `--log-level` takes. */
export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** One JSON object a line on standard error, so that standard output stays for people. */
export function createLog(level: LogLevel): Log {
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ fd: 2, sync: false }),
  );
}

/** A logger that says nothing. */
export const noLog: Log = pino({ level: 'silent' });
