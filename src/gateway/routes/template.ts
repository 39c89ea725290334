import { UsageError } from '../../errors.ts';

/** One segment of a path as a template wants it. */
export type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  /** `*`: exactly one segment. */
  | { readonly kind: 'one' }
  /** `**`: the rest of the path, also none. */
  | { readonly kind: 'rest' };

/** The part of a path that becomes a request field. */
export interface Variable {
  /** Proto field names from the request message down. */
  readonly fieldPath: readonly string[];
  /** Index of the first segment that belongs to it. */
  readonly start: number;
  /** Index after the last segment; -1 when it ends with `**`. */
  readonly end: number;
  /**
   * True when its template has more than one segment or `**`: then `%2F` stays as it is when the value is decoded, so
   * that it can be told from a separator.
   */
  readonly multiSegment: boolean;
}

/** A parsed path template of google/api/http.proto. */
export interface Template {
  readonly text: string;
  readonly segments: readonly Segment[];
  readonly variables: readonly Variable[];
  /** What follows the last colon, or undefined. */
  readonly verb: string | undefined;
}

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** RFC 3986 pchar without the characters that the template syntax uses itself; percent-encoding is checked apart. */
const LITERAL = /^[A-Za-z0-9\-._~!$&'()+,;@%]+$/;

/**
 * Parses a path template:
 *
 *     Template  = "/" Segments [ Verb ] ;
 *     Segments  = Segment { "/" Segment } ;
 *     Segment   = "*" | "**" | LITERAL | Variable ;
 *     Variable  = "{" FieldPath [ "=" Segments ] "}" ;
 *     FieldPath = IDENT { "." IDENT } ;
 *     Verb      = ":" LITERAL ;
 *
 * @throws UsageError with the place in the template and what is wrong there.
 */
export function parseTemplate(text: string): Template {
  const parser = new TemplateParser(text);
  return parser.parse();
}

class TemplateParser {
  private at = 0;
  private readonly text: string;
  private readonly segments: Segment[] = [];
  private readonly variables: Variable[] = [];
  /** Where `**` began; nothing but a verb may follow it. */
  private restAt: number | undefined;

  constructor(text: string) {
    this.text = text;
  }

  parse(): Template {
    this.expect('/');
    // "/" alone is the root: no segment at all.
    if (this.text.length > 1) this.parseSegments(false);
    let verb: string | undefined;
    if (this.take(':')) verb = this.literal('a verb');
    if (this.at < this.text.length) this.fail(`unexpected "${this.text[this.at]}"`);
    return Object.freeze({ text: this.text, segments: this.segments, variables: this.variables, verb });
  }

  private parseSegments(inVariable: boolean): void {
    do this.parseSegment(inVariable);
    while (this.take('/'));
  }

  private parseSegment(inVariable: boolean): void {
    if (this.restAt !== undefined) this.fail('"**" must be the last segment', this.restAt);
    const start = this.at;
    if (this.take('{')) {
      if (inVariable) this.fail('a variable must not contain another variable');
      this.parseVariable();
    } else if (this.take('**')) {
      this.restAt = start;
      this.segments.push({ kind: 'rest' });
    } else if (this.take('*')) this.segments.push({ kind: 'one' });
    else this.segments.push({ kind: 'literal', text: this.literal('a segment') });
  }

  private parseVariable(): void {
    const opened = this.at;
    const fieldPath: string[] = [];
    do {
      const at = this.at;
      const name = this.run(/[^.=}/]/);
      if (!IDENTIFIER.test(name)) this.fail(`"${name}" is no field name`, at);
      fieldPath.push(name);
    } while (this.take('.'));
    const start = this.segments.length;
    if (this.take('=')) this.parseSegments(true);
    else this.segments.push({ kind: 'one' });
    this.expect('}');
    if (this.variables.some((other) => other.fieldPath.join('.') === fieldPath.join('.'))) {
      this.fail(`field "${fieldPath.join('.')}" is bound twice`, opened);
    }
    const inside = this.segments.slice(start);
    const endless = inside.at(-1)?.kind === 'rest';
    this.variables.push({
      fieldPath,
      start,
      end: endless ? -1 : this.segments.length,
      multiSegment: inside.length > 1 || endless,
    });
  }

  private literal(what: string): string {
    const start = this.at;
    const raw = this.run(/[^/:{}=*]/);
    if (!LITERAL.test(raw)) this.fail(raw === '' ? `${what} is missing` : `"${raw}" cannot stand in a path`, start);
    let text: string;
    try {
      text = decodeURIComponent(raw);
    } catch {
      return this.fail(`"${raw}" has a malformed percent-encoding`, start);
    }
    if (text === '.' || text === '..' || text.includes('\0')) {
      this.fail(`"${raw}" is refused in requests, so nothing would match`, start);
    }
    return text;
  }

  private run(allowed: RegExp): string {
    const start = this.at;
    while (this.at < this.text.length && allowed.test(this.text.charAt(this.at))) this.at++;
    return this.text.slice(start, this.at);
  }

  private take(token: string): boolean {
    if (!this.text.startsWith(token, this.at)) return false;
    this.at += token.length;
    return true;
  }

  private expect(token: string): void {
    if (!this.take(token)) this.fail(`"${token}" is missing`);
  }

  private fail(why: string, at = this.at): never {
    throw new UsageError(`path template "${this.text}", position ${at + 1}: ${why}`);
  }
}
