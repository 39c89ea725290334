/** An operator's message names files by their paths; a caller is told the last part of them. */
export function withoutFolders(message: string): string {
  return message.replaceAll(/(?:\/[^\s/:]+)+\//g, '');
}
