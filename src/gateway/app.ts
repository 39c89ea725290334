import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import helmet from 'helmet';
import http2Express from 'http2-express';
import { findForTheNamed } from './authorize.ts';
import { handleCall } from './call.ts';
import { assertOneHost } from './edge/host.ts';
import { leaveUnreadBody } from './edge/unread-body.ts';
import { Exchange } from './exchange.ts';
import type { Gateway } from './gateway.ts';
import { answerPage, assertReadMethod, PAGES } from './pages.ts';
import { sendProblem } from './problem.ts';

/**
 * The request path on one screen: note the request, harden the answer, find out who is calling, answer one of the
 * gateway's own pages or a call to the backend. Whatever fails on the way becomes one problem document.
 *
 * Express stops here: what follows sees a request and a response of either HTTP version.
 */
export function createApp(gateway: Gateway): Express {
  const app = http2Express(express) as Express;
  app.disable('x-powered-by');
  app.disable('etag');
  // The transcoder reads the query and the path itself, percent-encodings and all.
  app.set('query parser', false);

  app.use((request: Request, response: Response, next: NextFunction) => {
    const exchange = new Exchange(request, response);
    response.locals.exchange = exchange;
    exchange.observe(gateway);
    leaveUnreadBody(request, response);
    assertOneHost(request);
    gateway.audit.assertWritable();
    next();
  });
  app.use(
    helmet({
      contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    }),
  );
  app.use(async (_request: Request, response: Response, next: NextFunction) => {
    response.locals.caller = await gateway.callers.of(response.locals.exchange);
    next();
  });
  // A router of their own: the application's is made before it could be told to be strict.
  const pages = express.Router({ caseSensitive: true, strict: true });
  for (const page of PAGES) {
    pages.all(page.path, async (request: Request, response: Response) => {
      const { exchange, caller } = response.locals;
      findForTheNamed(gateway, exchange, caller, () => assertReadMethod(request.method));
      await answerPage(gateway, exchange, caller, page);
    });
  }
  app.use(pages);
  app.use(async (_request: Request, response: Response) => {
    await handleCall(gateway, response.locals.exchange, response.locals.caller);
  });
  // Express knows an error handler by its four parameters.
  app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    sendProblem(response.locals.exchange, error);
  });
  return app;
}
