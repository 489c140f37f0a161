/** What the isolation of a refused batch knows, and who is to blame according to it. */

/** What is to be taken apart. */
export interface Problem {
  /** Number of records in the refused batch. */
  readonly size: number
  /** Whether a record fails for reasons of its own, whatever else is in the request. */
  readonly independent: boolean
  /** The key of each record; `undefined` where all differ. */
  readonly keys: ReadonlyArray<string> | undefined
  /** For each record, the nearest earlier records that share its key or one of its claims. */
  readonly previous: ReadonlyArray<ReadonlyArray<number>>
  /** For each record, the values that it wants for itself alone; `undefined` where that is not known. */
  readonly claims: ReadonlyArray<ReadonlyArray<string>> | undefined
}

/** The destination's refusal of a run of records. */
export interface Refusal<D> {
  /** Indices in the refused batch that the answer named; empty where it named none. */
  readonly named: ReadonlyArray<number>
  /** What the answer said; it becomes the culprit's reason. */
  readonly detail: D
}

/** A record that was refused and will not be sent again. */
export interface Culprit<D> {
  /** 0-based, in the refused batch. */
  readonly index: number
  readonly detail: D
  /** `Alone`: refused in a request of its own. `Inferred`: the only one left of a run that was refused. */
  readonly proof: "Alone" | "Inferred"
}

/** Records that went through together, with what the destination gave for them. */
export interface Delivered<A> {
  readonly indices: ReadonlyArray<number>
  readonly receipt: A
}

/** An isolation under way. */
export interface State<A, D> {
  /** Not decided and in line, in source order. */
  readonly todo: ReadonlyArray<number>
  /** The first so many of `todo` hold a culprit; 0 where nothing is known. */
  readonly suspects: number
  /** The first so many of `todo` go out whole next: the rest of a refused run whose named records were taken out. */
  readonly rest: number
  /** What the last refusal of more than one record said. */
  readonly detail: D
  /** Not decided and out of line, to be sent alone, in source order. */
  readonly aside: ReadonlyArray<number>
  /** Those of `aside` that wait for `rest`. */
  readonly taken: ReadonlyArray<number>
  /** At least one of these, all in `aside`, is a culprit; empty where nothing is known. */
  readonly oneOf: ReadonlyArray<number>
  /** Those of `aside` that the destination named. */
  readonly named: ReadonlyArray<number>
  /** How often a named record was refused alone, and how often it passed. */
  readonly names: { readonly right: number; readonly wrong: number }
  /** Two records that one answer named, where failures depend on each other. */
  readonly pairs: ReadonlyArray<readonly [number, number]>
  /** Refused alone, and to be tried once more at the end, because what was delivered since may have made room. */
  readonly held: ReadonlyArray<Held<D>>
  /** The number of deliveries when all of `held` was last refused together; -1 before. */
  readonly heldTogether: number
  readonly delivered: ReadonlyArray<Delivered<A>>
  readonly culprits: ReadonlyArray<Culprit<D>>
  /** Requests so far, without the refused batch itself. */
  readonly requests: number
  /** What the search in `todo` cost and found: the rate of culprits, and what it may still spend. */
  readonly search: { readonly requests: number; readonly decided: number; readonly culprits: number }
}

export interface Held<D> {
  readonly index: number
  readonly detail: D
  /** The number of deliveries when it was last refused. */
  readonly deliveries: number
  /** How often it was refused alone. */
  readonly tries: number
}

/** Records that are to blame for the same thing. */
export interface Blame<D> {
  /** Refused, at least one, in source order. */
  readonly culprits: ReadonlyArray<Culprit<D>>
  /**
   * Delivered, and part of the same clash: had they not been, a culprit might have passed. `undefined` where
   * failures depend on each other and nothing is known about what the records claim.
   */
  readonly partners: ReadonlyArray<number> | undefined
}

export const problem = (options: {
  readonly size: number
  readonly independent: boolean
  readonly key?: ((index: number) => string) | undefined
  readonly claims?: ((index: number) => ReadonlyArray<string>) | undefined
}): Problem => {
  const indices = Array.from({ length: options.size }, (_, index) => index)
  // Records that fail on their own cannot clash, so what they claim does not matter.
  const claims = options.independent || options.claims === undefined ? undefined : indices.map(options.claims)
  const keys = options.key === undefined ? undefined : indices.map(options.key)
  const lastKey = new Map<string, number>()
  const lastClaim = new Map<string, number>()
  const previous = indices.map((index) => {
    const found = new Set<number>()
    const note = (last: Map<string, number>, value: string): void => {
      const before = last.get(value)
      if (before !== undefined && before !== index) found.add(before)
      last.set(value, index)
    }
    const key = keys?.[index]
    if (key !== undefined) note(lastKey, key)
    for (const claim of claims?.[index] ?? []) note(lastClaim, claim)
    return [...found]
  })
  return { size: options.size, independent: options.independent, keys, previous, claims }
}

/** Indices in source order. */
export const inOrder = (list: ReadonlyArray<number>): ReadonlyArray<number> => list.toSorted((a, b) => a - b)

/** The nearest earlier records that share a record's key or one of its claims. */
export const previousOf = (problem: Problem, index: number): ReadonlyArray<number> => problem.previous[index] ?? []

/** Delivered records that hold what this one claims. */
export const partnersOf = <A, D>(problem: Problem, state: State<A, D>, index: number): ReadonlyArray<number> => {
  const claims = problem.claims?.[index] ?? []
  return claims.length === 0
    ? []
    : state.delivered.flatMap(({ indices }) =>
        indices.filter((other) => problem.claims?.[other]?.some((claim) => claims.includes(claim)))
      )
}

/**
 * The records that are not decided, in source order. One that was refused alone, and could have been tried
 * once more, counts as decided.
 */
export const undecided = <A, D>(state: State<A, D>): ReadonlyArray<number> => inOrder([...state.todo, ...state.aside])

/**
 * Who is to blame, as far as the state knows: culprits that clash over the same claim in one group, together
 * with the delivered records that hold it.
 */
export const blames = <A, D>(problem: Problem, state: State<A, D>): ReadonlyArray<Blame<D>> => {
  const held = state.held.map(({ index, detail }): Culprit<D> => ({ index, detail, proof: "Alone" }))
  const culprits = [...state.culprits, ...held].sort((a, b) => a.index - b.index)
  if (problem.independent) return culprits.map((culprit) => ({ culprits: [culprit], partners: [] }))
  const groups: Array<{ culprits: Array<Culprit<D>>; claims: Set<string>; partners: Set<number> }> = []
  const isCulprit = new Set(culprits.map((culprit) => culprit.index))
  for (const culprit of culprits) {
    const claims = problem.claims?.[culprit.index] ?? []
    const group = { culprits: [culprit], claims: new Set(claims), partners: new Set<number>() }
    for (const index of partnersOf(problem, state, culprit.index)) group.partners.add(index)
    for (const [a, b] of state.pairs) {
      // Two that an answer named together, of which one was delivered: the other one is refused because of it.
      if (a === culprit.index && !isCulprit.has(b)) group.partners.add(b)
      if (b === culprit.index && !isCulprit.has(a)) group.partners.add(a)
    }
    for (const other of groups.filter((other) => claims.some((claim) => other.claims.has(claim)))) {
      group.culprits.unshift(...other.culprits)
      for (const claim of other.claims) group.claims.add(claim)
      for (const index of other.partners) group.partners.add(index)
      groups.splice(groups.indexOf(other), 1)
    }
    groups.push(group)
  }
  return groups
    .map((group) => ({
      culprits: group.culprits.sort((a, b) => a.index - b.index),
      partners: group.partners.size === 0 && problem.claims === undefined ? undefined : inOrder([...group.partners])
    }))
    .sort((a, b) => (a.culprits[0]?.index ?? 0) - (b.culprits[0]?.index ?? 0))
}
