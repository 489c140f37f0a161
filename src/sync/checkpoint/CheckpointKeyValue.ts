/**
 * A checkpoint in a store of keys and values.
 *
 * A store has no way to write only where nobody else did, so each run writes under a name of its own, with a number (its
 * epoch) above all that it finds; the state of the highest one counts. A run makes its number known before it looks
 * whether it still has the lock: who takes over from it lists the names afterwards, and comes after it. So what a run
 * writes that was taken over, at any time, is below what the next one writes.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as KeyValueStore from "effect/persistence/KeyValueStore"
import { CheckpointUnreadable, CheckpointUnwritable } from "./CheckpointError.ts"
import type { Claim, Claims } from "./CheckpointLock.ts"
import type { Store } from "./CheckpointStore.ts"

interface Numbered {
  readonly name: string
  readonly isState: boolean
  readonly epoch: number
}

// Fifteen digits are a safe integer.
const numbered = /^(epoch|state)-(\d{1,15})-[0-9a-f-]{36}$/

/**
 * For each run that has the checkpoint or wants it `<key>.lock-<token>`, and its signs of life in `<key>.beat-<token>`;
 * for each that has it `<key>.epoch-<epoch>-<token>`, and its state in `<key>.state-<epoch>-<token>`.
 */
export const make = (store: KeyValueStore.KeyValueStore, key: string): Store => {
  // The store's own message and cause may hold what is in it, or how to get at it.
  const unwritable = ({ method }: KeyValueStore.KeyValueStoreError) =>
    new CheckpointUnwritable({ checkpoint: key, reason: `KeyValueStore.${method}` })
  const unreadable = ({ method }: Pick<KeyValueStore.KeyValueStoreError, "method">) =>
    new CheckpointUnreadable({ checkpoint: key, reason: `KeyValueStore.${method}` })

  // The newest first.
  const newestFirst = (names: ReadonlyArray<string>): ReadonlyArray<Numbered> =>
    names
      .flatMap((name): ReadonlyArray<Numbered> => {
        const [, kind, epoch] = (name.startsWith(`${key}.`) && numbered.exec(name.slice(key.length + 1))) || []
        return epoch === undefined ? [] : [{ name, isState: kind === "state", epoch: Number(epoch) }]
      })
      .sort((a, b) => b.epoch - a.epoch)

  const read = Effect.gen(function* () {
    let missing: string | undefined
    for (;;) {
      const newest = newestFirst(yield* Effect.mapError(store.keys, unreadable)).find(({ isState }) => isState)
      if (newest === undefined) return Option.none()
      const text = yield* Effect.mapError(store.get(newest.name), unreadable)
      if (text !== undefined) return Option.some(text)
      // Swept meanwhile by a run that found a newer one, which is then listed.
      if (newest.name === missing) return yield* unreadable({ method: "get" })
      missing = newest.name
    }
  })

  return {
    name: key,
    prepare: Effect.void,
    claims: claims(store, key, unwritable),
    read,
    writer: Effect.fnUntraced(function* (lock) {
      const names = yield* Effect.mapError(store.keys, unwritable)
      const found = newestFirst(names)
      const own = `${(found[0]?.epoch ?? 0) + 1}-${lock.token}`
      yield* Effect.mapError(store.set(`${key}.epoch-${own}`, "taken"), unwritable)
      const newest = found.find(({ isState }) => isState)
      const old = found.filter((other) => other !== newest).map(({ name }) => name)
      // A run that was taken over may have given one more sign of life.
      const beats = names.filter(
        (name) =>
          name.startsWith(beatKey(key, "")) && !names.includes(lockKey(key, name.slice(beatKey(key, "").length)))
      )
      yield* Effect.forEach([...old, ...beats], (name) => Effect.ignore(store.remove(name)), { discard: true })
      return {
        // Who takes over after the look at the lock reads what was set before.
        replace: (text) =>
          Effect.andThen(Effect.mapError(store.set(`${key}.state-${own}`, text), unwritable), lock.check)
      }
    })
  }
}

const lockKey = (key: string, token: string) => `${key}.lock-${token}`
const beatKey = (key: string, token: string) => `${key}.beat-${token}`

const claims = (
  store: KeyValueStore.KeyValueStore,
  key: string,
  unwritable: (error: KeyValueStore.KeyValueStoreError) => CheckpointUnwritable
): Claims => {
  const prefix = lockKey(key, "")
  return {
    put: (token, text) => Effect.mapError(store.set(lockKey(key, token), text), unwritable),
    list: Effect.gen(function* () {
      const found: Array<Claim> = []
      for (const name of yield* store.keys) {
        if (!name.startsWith(prefix)) continue
        const token = name.slice(prefix.length)
        const text = yield* store.get(name)
        // Its run has ended meanwhile.
        if (text === undefined) continue
        found.push({ token, text, beat: (yield* store.get(beatKey(key, token))) ?? "" })
      }
      return found
    }).pipe(Effect.mapError(unwritable)),
    has: (token) => Effect.mapError(store.has(lockKey(key, token)), unwritable),
    // Beside the claim: one that was removed while this is on its way must not come again.
    beat: (token) =>
      Effect.ignore(Effect.flatMap(Clock.currentTimeNanos, (now) => store.set(beatKey(key, token), String(now)))),
    remove: (token) =>
      Effect.mapError(Effect.andThen(store.remove(lockKey(key, token)), store.remove(beatKey(key, token))), unwritable)
  }
}
