// The package ships no types of its own.
declare module 'http2-express' {
  import type express from 'express';
  export default function http2Express(framework: typeof express): express.Express;
}
