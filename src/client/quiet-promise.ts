/** A promise for those who want it: whoever does not ask for it hears of a failure elsewhere, not as unhandled. */
export const quietPromise = <T>(): PromiseWithResolvers<T> => {
  const resolvers = Promise.withResolvers<T>();
  resolvers.promise.catch(() => {});
  return resolvers;
};
