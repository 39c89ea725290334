import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import { UsageError } from './errors.ts';
import { type Config, environmentName, type Program, SETTINGS, type Setting, type SettingsOf } from './settings.ts';

export type { Config, Program } from './settings.ts';

/** Where values come from, strongest first. */
export interface ConfigSources {
  /** Flags by setting name, as given. */
  readonly flags: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The YAML file, if there is one. */
  readonly file: { readonly name: string; readonly text: string } | undefined;
}

/**
 * One frozen Config from flags, environment and file, in that order of precedence.
 *
 * @throws UsageError that names the flag, the variable, or file, line and column, and what the value must be.
 */
export function resolveConfig(program: Program, sources: ConfigSources): Config {
  const fromFile = sources.file === undefined ? new Map<string, Given>() : readConfigFile(sources.file);
  const config = resolved<Config>(SETTINGS, (setting) => {
    const given = setting.programs.includes(program) ? strongest(setting, sources, fromFile) : undefined;
    const byDefault = setting.byDefault === undefined ? [] : [setting.byDefault];
    try {
      return setting.read(given?.texts ?? byDefault);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new UsageError(`${given?.where ?? setting.name}: ${why}`);
    }
  });
  if (config.timeoutMs > config.maxTimeoutMs) throw new UsageError('timeout must not be longer than max-timeout');
  return Object.freeze(config);
}

function resolved<C extends object>(settings: SettingsOf<C>, read: <T>(setting: Setting<T>) => T): C {
  const config: Partial<C> = {};
  for (const key in settings) config[key] = read(settings[key]);
  // By the type of `settings`, every member of C has one.
  return config as C;
}

interface Given {
  readonly where: string;
  readonly texts: readonly string[];
}

function strongest(
  setting: Setting<unknown>,
  sources: ConfigSources,
  file: ReadonlyMap<string, Given>,
): Given | undefined {
  const flag = sources.flags[setting.name];
  if (flag !== undefined) return { where: `--${setting.name}`, texts: typeof flag === 'string' ? [flag] : flag };
  const variable = environmentName(setting);
  const value = sources.environment[variable];
  if (value !== undefined) {
    return {
      where: variable,
      texts: setting.repeatable === true ? value.split(',').filter((part) => part !== '') : [value],
    };
  }
  return file.get(setting.name);
}

function readConfigFile(file: { readonly name: string; readonly text: string }): Map<string, Given> {
  const lines = new LineCounter();
  const document = parseDocument(file.text, { lineCounter: lines });
  const at = (offset: number | undefined): string => {
    const { line, col } = lines.linePos(offset ?? 0);
    return `${file.name}:${line}:${col}`;
  };
  const [fault] = document.errors;
  if (fault !== undefined) throw new UsageError(`${at(fault.pos[0])}: ${fault.message.split('\n')[0]}`);
  const given = new Map<string, Given>();
  if (document.contents === null) return given;
  if (!isMap(document.contents)) throw new UsageError(`${at(0)}: settings must be "name: value" lines`);
  for (const { key, value } of document.contents.items) {
    const name = isScalar(key) ? String(key.value) : '';
    const where = at(isScalar(key) ? key.range?.[0] : 0);
    const setting = Object.values(SETTINGS).find((known) => known.name === name);
    if (setting === undefined) throw new UsageError(`${where}: "${name}" is no setting`);
    const nodes = isSeq(value) && setting.repeatable === true ? value.items : [value];
    const texts = nodes.map((node) => {
      if (!isScalar(node) || node.value === null) throw new UsageError(`${where}: ${name} takes one value`);
      return String(node.value);
    });
    given.set(name, { where: `${where}: ${name}`, texts });
  }
  return given;
}
