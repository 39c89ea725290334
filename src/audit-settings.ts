import { one, oneOf, optional, text, whole } from './setting-values.ts';
import type { SettingsOf } from './settings.ts';

/** When a line of the journal is on the disk: before its request goes on, within a second, or when the system sees fit. */
export const AUDIT_SYNCS = ['always', 'interval', 'never'] as const;
/** What becomes of new requests while the journal cannot be written. */
export const AUDIT_FULL = ['stop', 'warn'] as const;

/** How the record of decisions is kept. */
export interface AuditConfig {
  /** Folder of the journals, or `off`; undefined means the folder `audit` in `certs`. */
  readonly audit: string | undefined;
  readonly auditSync: (typeof AUDIT_SYNCS)[number];
  readonly auditMaxBytes: number;
  readonly auditKeep: number;
  readonly auditFull: (typeof AUDIT_FULL)[number];
}

const programs = ['up', 'gateway', 'backend'] as const;

/** The settings of the audit journal. */
export const AUDIT_SETTINGS: SettingsOf<AuditConfig> = {
  audit: {
    name: 'audit',
    argument: 'dir|off',
    help: 'folder of the audit journals, or off (default: audit in the certs folder)',
    programs,
    byDefault: undefined,
    read: optional(text),
  },
  auditSync: {
    name: 'audit-sync',
    argument: 'when',
    help: 'when audit lines are on the disk: always (a request waits for it), interval (within a second), never',
    programs,
    byDefault: 'interval',
    read: one(oneOf(AUDIT_SYNCS)),
  },
  // About a hundred thousand lines: a file that tools still open.
  auditMaxBytes: {
    name: 'audit-max-bytes',
    argument: 'bytes',
    help: 'size at which a journal goes on in a new file',
    programs,
    byDefault: '67108864',
    read: one(whole(4096, 99_999_999_999, 'bytes')),
  },
  // With the size above, a gigabyte a journal.
  auditKeep: {
    name: 'audit-keep',
    argument: 'n',
    help: 'files of a journal that are kept, the one in use included; 0 keeps all',
    programs,
    byDefault: '16',
    read: one(whole(0, 999_999, 'files')),
  },
  auditFull: {
    name: 'audit-full',
    argument: 'what',
    help: 'while the journal cannot be written: stop (new requests get 503) or warn (they go on, and lines may be lost)',
    programs,
    byDefault: 'stop',
    read: one(oneOf(AUDIT_FULL)),
  },
};
