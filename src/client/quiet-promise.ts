/**
 * A promise whose rejection is not reported as unhandled: a page need not use it, because the same failure is
 * shown in another way.
 */
export const quietPromise = <T>(): PromiseWithResolvers<T> => {
  const resolvers = Promise.withResolvers<T>();
  resolvers.promise.catch(() => {});
  return resolvers;
};
