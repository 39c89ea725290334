/** Characters of a pattern: far beyond any name, and matching costs at most pattern times value. */
export const MAX_PATTERN_CHARACTERS = 256;

/** Characters of a value: longer ones match no pattern. The longest thing worth a pattern is a URI. */
export const MAX_VALUE_CHARACTERS = 4096;

/**
 * Whether a value matches a pattern, exactly and case by case. `*` stands for any run of characters, also none, inside
 * one segment: it crosses neither `.` nor `/`. `**` stands for any run whatever. There is no way to quote a star.
 *
 * No regular expression is made of the pattern and nothing is tried twice: the pattern is gone through once, with the set
 * of all places in the value that it may have come to, so that the work is at most pattern length times value length.
 */
export function matches(pattern: string, value: string): boolean {
  if (value.length > MAX_VALUE_CHARACTERS) return false;
  const star = pattern.indexOf('*');
  if (star < 0) return pattern === value;
  if (!value.startsWith(pattern.slice(0, star))) return false;
  // 1 at v: what is read of the pattern matches the first v characters of the value.
  const places = new Uint8Array(value.length + 1);
  places[star] = 1;
  for (let p = star; p < pattern.length; p++) {
    const character = pattern[p];
    if (character !== '*') {
      step(places, value, character);
    } else {
      const isDouble = pattern[p + 1] === '*';
      spread(places, value, isDouble);
      if (isDouble) p++;
    }
  }
  return places[value.length] === 1;
}

/** Goes on to where a character of the pattern leads. */
function step(places: Uint8Array, value: string, character: string | undefined): void {
  for (let v = value.length; v > 0; v--) places[v] = places[v - 1] === 1 && value[v - 1] === character ? 1 : 0;
  places[0] = 0;
}

/** Goes on to everywhere that a star leads. */
function spread(places: Uint8Array, value: string, crosses: boolean): void {
  for (let v = 1; v <= value.length; v++) {
    if (places[v - 1] === 1 && (crosses || !isBoundary(value[v - 1]))) places[v] = 1;
  }
}

/** What `*` does not cross. */
function isBoundary(character: string | undefined): boolean {
  return character === '.' || character === '/';
}

/**
 * What is wrong with a pattern and how to right it, as "what; remedy"; undefined when nothing is.
 *
 * @param doubleStar whether `**` may stand in it, as in `uri:` subjects.
 */
export function patternFault(pattern: string, doubleStar: boolean): string | undefined {
  if (pattern === '') return 'is empty; write a name, or * for any that has neither . nor / in it';
  if (pattern.length > MAX_PATTERN_CHARACTERS) return `is longer than ${MAX_PATTERN_CHARACTERS} characters; shorten it`;
  if (/[\p{Cc}\p{Cs}]/u.test(pattern)) return 'has control characters in it; remove them';
  if (pattern.includes('***')) return 'has three stars in a row; write * (inside a segment) or, in uri: subjects, **';
  if (!doubleStar && pattern.includes('**'))
    return 'has **, which crosses segments and is for uri: subjects only; write *';
  return undefined;
}

/** A package and a service, where the service's last name may have stars, a slash, and a method that may have stars. */
const METHOD_PATTERN = /^(?:[A-Za-z_]\w*\.)*[A-Za-z_*][\w*]*\/[A-Za-z_*][\w*]*$/;

/** Like patternFault, for methods: `*`, or "package.Service/Method" with stars in Service and Method only. */
export function methodPatternFault(pattern: string): string | undefined {
  if (pattern === '*') return undefined;
  const fault = patternFault(pattern, false);
  if (fault !== undefined) return fault;
  if (METHOD_PATTERN.test(pattern)) return undefined;
  return 'is not a method; write package.Service/Method, stars only in Service and Method, or * alone for every method';
}

/** Whether a method ("package.Service/Method") is meant by a pattern; `*` alone means every method. */
export function matchesMethod(pattern: string, method: string): boolean {
  return pattern === '*' || matches(pattern, method);
}
