import { run } from './run.ts';

/** Runs OpenSSL, which must be content, and gives what it says. */
export async function openssl(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run('openssl', args);
  if (code !== 0) throw new Error(`openssl ${args.join(' ')} ended with ${code}: ${stderr}`);
  return stdout;
}

/** Runs OpenSSL, and gives whether it was content and all that it said. */
export async function opensslSays(
  ...args: readonly string[]
): Promise<{ readonly good: boolean; readonly said: string }> {
  const { code, stdout, stderr } = await run('openssl', args);
  return { good: code === 0, said: stdout + stderr };
}
