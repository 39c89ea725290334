/** What `zeromq` is in tests (moduleNameMapper of jest.config.mjs); environment.mjs tells why. */
export const { Subscriber, XPublisher } = globalThis.zeromqOfTheProcess;
