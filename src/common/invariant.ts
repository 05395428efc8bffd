/** Checks that a user cannot make fail: a broken one is a bug of this project, reported as such. */

export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

/** Throws InvariantError unless `condition` holds. Never reachable by user input. */
export function invariant(condition: unknown, why: string): asserts condition {
  if (!condition) throw new InvariantError(`invariant broken: ${why} (this is a bug in ballista, please report it)`)
}

/** Ends a total `switch`: the compiler proves that no kind is forgotten. */
export function unreachable(value: never): never {
  throw new InvariantError(`unreachable value: ${JSON.stringify(value)} (this is a bug in ballista, please report it)`)
}
