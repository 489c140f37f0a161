import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as ReachSchema from "../../src/reach/ReachSchema.ts"
import * as ReachSettlement from "../../src/reach/ReachSettlement.ts"

const decodeStatus = Schema.decodeUnknownSync(ReachSchema.BatchStatus)

type Progress = Readonly<Record<string, number | null>>

/** A status as Reach writes it, read as the client reads it. */
const status = (fields: {
  readonly status: string
  readonly progress?: Progress | null
  readonly completedAt?: string | null
  readonly details?: unknown
  readonly message?: string
}) =>
  decodeStatus({
    batchId: "b-1",
    status: fields.status,
    ...(fields.progress === undefined ? {} : { progress: fields.progress }),
    ...(fields.completedAt === undefined ? {} : { completedAt: fields.completedAt }),
    ...("details" in fields || "message" in fields
      ? { errors: { summary: {}, details: fields.details, message: fields.message ?? null } }
      : {})
  })

const completedAt = "2024-01-15T10:30:00Z"
const counts = (total: number, successful: number, failed: number): Progress => ({
  totalRecords: total,
  processedRecords: successful + failed,
  successfulRecords: successful,
  pendingRecords: total - successful - failed,
  failedRecords: failed,
  successRate: total === 0 ? 0 : successful / total
})

const settle = (fields: Parameters<typeof status>[0], options?: Partial<ReachSettlement.Options>) =>
  ReachSettlement.fromStatus(status(fields), { recordCount: 10, ...options })

const tag = (fields: Parameters<typeof status>[0]) => settle(fields)._tag

const reasonOf = (settlement: ReturnType<typeof settle>) =>
  settlement._tag === "Unclear" ? settlement.reason : assert.fail(`${settlement._tag} is not Unclear`)

describe("a batch is not finished", () => {
  for (const word of ["pending", "processing", "failed", "error", "completed", "SUCCESS", ""]) {
    it(`while its status is ${JSON.stringify(word)} and nothing else says that it is`, () => {
      assert.strictEqual(tag({ status: word }), "Pending")
      assert.strictEqual(tag({ status: word, completedAt: null, progress: null }), "Pending")
      assert.strictEqual(tag({ status: word, completedAt: "" }), "Pending")
      assert.strictEqual(tag({ status: word, progress: counts(10, 4, 1) }), "Pending")
    })
  }

  it("while all that was counted so far is processed, and that is fewer than were sent", () => {
    assert.strictEqual(tag({ status: "processing", progress: counts(3, 3, 0) }), "Pending")
    assert.strictEqual(tag({ status: "processing", progress: counts(0, 0, 0) }), "Pending")
  })

  it("while records wait for others, whatever its status", () => {
    const progress = { ...counts(10, 8, 0), processedRecords: 10, pendingRecords: 2 }
    assert.strictEqual(tag({ status: "success", progress }), "Pending")
    assert.strictEqual(tag({ status: "waiting", progress }), "Pending")
  })
})

describe("a batch is applied", () => {
  it("where it is a success and all that was sent was successful", () => {
    assert.deepStrictEqual(settle({ status: "success", completedAt, progress: counts(10, 10, 0) }), { _tag: "Applied" })
    assert.strictEqual(tag({ status: "success", progress: counts(10, 10, 0) }), "Applied")
  })

  it("where an older answer lacks the counts that older answers lack", () => {
    const progress = { totalRecords: 10, processedRecords: 10, successfulRecords: 10, failedRecords: 0, successRate: 1 }
    assert.strictEqual(tag({ status: "success", completedAt, progress }), "Applied")
    assert.strictEqual(tag({ status: "success", progress: { successfulRecords: 10, failedRecords: null } }), "Applied")
  })

  it("where its status is unknown, it is completed or processed, and the counts say so", () => {
    assert.strictEqual(tag({ status: "done", completedAt, progress: counts(10, 10, 0) }), "Applied")
    assert.strictEqual(tag({ status: "done", progress: counts(10, 10, 0) }), "Applied")
  })
})

describe("a success is not believed, and the reason names the numbers", () => {
  for (const [name, progress, expected] of [
    ["fewer were successful than were sent", counts(9, 9, 0), /10 records sent.* 9 successful, 0 failed, 9 in all/],
    ["none was", counts(0, 0, 0), /10 records sent.* 0 successful/],
    ["more were", counts(11, 11, 0), /10 records sent.* 11 successful, 0 failed, 11 in all/],
    ["the total is another", { ...counts(10, 10, 0), totalRecords: 12 }, /10 records sent.* 12 in all/],
    ["the parts do not add up", { totalRecords: 10, successfulRecords: 7, failedRecords: 1 }, /7 successful, 1 failed/],
    ["some are pending for ever", counts(10, 8, 0), /8 successful, 0 failed, 2 pending, 10 in all/],
    ["more failed than were sent", { totalRecords: 10, successfulRecords: 0, failedRecords: 11 }, /11 failed/]
  ] as const) {
    it(`where ${name}`, () => {
      const reason = reasonOf(settle({ status: "success", completedAt, progress }))
      assert.strictEqual(reason.tag, "CountMismatch")
      assert.match(reason.message, expected)
    })
  }

  it("where it is not finished and counts more than were sent: waiting longer makes that no better", () => {
    for (const progress of [counts(11, 0, 0), { processedRecords: 11 }, { ...counts(10, 0, 0), pendingRecords: 11 }]) {
      assert.strictEqual(reasonOf(settle({ status: "processing", progress })).tag, "CountMismatch")
    }
  })

  it("where it counts nothing", () => {
    for (const progress of [null, {}, { totalRecords: 10, processedRecords: 10, failedRecords: 0 }]) {
      const reason = reasonOf(settle({ status: "success", completedAt, progress }))
      assert.strictEqual(reason.tag, "CountsMissing")
    }
    assert.strictEqual(reasonOf(settle({ status: "success" })).tag, "CountsMissing")
    assert.strictEqual(reasonOf(settle({ status: "whatever", completedAt })).tag, "CountsMissing")
  })

  it("where its errors are about a record that it counts as successful", () => {
    const details = { "resources[1]": { customerId: "c-1", errors: ["no"] } }
    const settled = settle({ status: "success", completedAt, progress: counts(10, 9, 0), details })
    assert.strictEqual(reasonOf(settled).tag, "CountMismatch")
  })
})

describe("records failed", () => {
  const two = { status: "partial_success", completedAt, progress: counts(10, 8, 2) } as const
  const places = (details: unknown) => {
    const settlement = settle({ ...two, details })
    return settlement._tag === "Failed"
      ? settlement.failures.map(({ answer, index, key }) => [index, key, answer])
      : settlement._tag
  }

  for (const [shape, details, expected] of [
    [
      "positions with ids",
      {
        "resources[3]": { customerId: "c-3", errors: ["no", "never"] },
        "resources[0]": { customerId: null, errors: [] }
      },
      [
        [3, "c-3", "no; never"],
        [0, undefined, ""]
      ]
    ],
    [
      "a list with 0-based indices",
      [
        { index: 0, message: "no" },
        { index: 9, error: "never" }
      ],
      [
        [0, undefined, "no"],
        [9, undefined, "never"]
      ]
    ],
    [
      "a list with ids",
      [
        { customerId: "1", errors: ["no"] },
        { resourceExternalId: "2", errors: [{ path: "email", code: 7 }] }
      ],
      [
        [undefined, "1", "no"],
        [undefined, "2", '[{"path":"email","code":7}]']
      ]
    ],
    [
      "a list with both, beside a row",
      [
        { row: 1, externalId: "c-0", message: "no" },
        { row: 2, externalId: "c-1" }
      ],
      [
        [undefined, "c-0", "no"],
        [undefined, "c-1", undefined]
      ]
    ],
    [
      "a list as all there is in an object",
      {
        failedRecords: [
          { index: 1, message: "a" },
          { index: 2, message: "b" }
        ]
      },
      [
        [1, undefined, "a"],
        [2, undefined, "b"]
      ]
    ],
    [
      "ids with messages",
      { "c-1": "no", "c-2": ["a", "b"] },
      [
        [undefined, "c-1", "no"],
        [undefined, "c-2", "a; b"]
      ]
    ],
    [
      "several errors of one record, and one of another",
      [
        { index: 4, message: "a" },
        { index: 4, customerId: "c-4", message: "b" },
        { index: 5, message: "c" }
      ],
      [
        [4, "c-4", "a; b"],
        [5, undefined, "c"]
      ]
    ]
  ] as const) {
    it(`and are named by ${shape}`, () => assert.deepStrictEqual<unknown>(places(details), expected))
  }

  it("and as many failures as records failed are one each, also where they have one id", () => {
    const details = [
      { customerId: "c-1", message: "no" },
      { customerId: "c-1", message: "never" }
    ]
    assert.deepStrictEqual<unknown>(places(details), [
      [undefined, "c-1", "no"],
      [undefined, "c-1", "never"]
    ])
  })

  for (const [shape, details] of [
    ["nothing", undefined],
    ["no details", {}],
    ["an empty list", []],
    ["text", "resources[1] and resources[2] failed"],
    ["fewer than failed", { "resources[3]": { errors: ["no"] } }],
    ["more than failed", { a1: "no", a2: "no", a3: "no" }],
    ["a position that was not sent", [{ index: 1 }, { index: 10 }]],
    ["a negative position", [{ index: 1 }, { index: -1 }]],
    ["half a position", [{ index: 1 }, { index: 1.5 }]],
    ["rows, which may count from 0 or from 1", [{ row: 1 }, { row: 2 }]],
    ["digits, which may be positions or ids", { "1": "no", "2": "no" }],
    ["an entry that is not understood", [{ index: 1 }, { index: 2 }, "and more"]],
    ["a position and an id, which may be one record", [{ index: 1 }, { customerId: "c-1" }]],
    ["counts of errors", { "email is not valid": 1, "phone is not valid": 1 }],
    ["empty ids", [{ customerId: "" }, { customerId: "a" }]],
    ["one record twice", { errors: [{ index: 1 }, { index: 1 }] }]
  ] as const) {
    it(`and are not named by ${shape}: that is unclear, with the counts`, () => {
      const settled = settle({ ...two, details })
      const reason = reasonOf(settled)
      assert.strictEqual(reason.tag, "FailuresUnnamed")
      assert.include(reason.message, "Of 10 records sent, Reach counts 8 successful, 2 failed, 10 in all.")
    })
  }

  it("and a success that names exactly the records that failed is believed about them", () => {
    const settled = settle({ ...two, status: "success", details: [{ index: 1 }, { index: 2 }] })
    assert.strictEqual(settled._tag, "Failed")
  })

  it("and are read by the caller's decoder, which is not believed beyond the counts", () => {
    const decodeFailures = (details: unknown) =>
      typeof details !== "string"
        ? undefined
        : details.split(",").map((key) => ({
            index: undefined,
            key,
            reason: { tag: "Mine", message: "Mine.", issues: [] }
          }))
    const own = (details: unknown) => settle({ ...two, details }, { decodeFailures })
    const settled = own("c-1,c-2")
    assert.deepStrictEqual(
      settled._tag === "Failed" ? settled.failures.map(({ key, reason }) => [key, reason.tag]) : settled._tag,
      [
        ["c-1", "Mine"],
        ["c-2", "Mine"]
      ]
    )
    for (const details of ["c-1", "c-1,c-2,c-3", "c-1,c-1,c-1", [{ index: 1 }, { index: 2 }]]) {
      assert.strictEqual(reasonOf(own(details)).tag, "FailuresUnnamed")
    }
  })

  it("and what the vendor wrote is in the answer, cut, and never in a reason", () => {
    const secret = "ada@example.com"
    const details = [
      { index: 1, message: `${secret} is taken` },
      { index: 2, message: secret.repeat(1000) }
    ]
    const failed = settle({ ...two, details, message: secret })
    assert.strictEqual(failed._tag, "Failed")
    const failures = failed._tag === "Failed" ? failed.failures : []
    assert.deepStrictEqual(
      failures.map(({ answer }) => answer?.length),
      [secret.length + 9, 4096]
    )
    assert.notInclude(JSON.stringify(failures.map(({ reason }) => reason)), secret)
    const unclear = settle({ ...two, details: { x: 1 }, message: secret })
    assert.notInclude(JSON.stringify(reasonOf(unclear)), secret)
    assert.include(unclear._tag === "Unclear" ? unclear.answer : "", secret)
  })
})
