import { fileURLToPath } from 'node:url';

/**
 * Absolute path of the folder that holds package.json, proto/ and openapi/. This file lies one folder below it both as
 * source (src/) and compiled (dist/).
 */
export const PACKAGE_ROOT = fileURLToPath(new URL('../', import.meta.url));
