/**
 * Where shared limits are kept, and how turns are taken there: functions, so that a turn is one statement that reads the
 * clock only once the row is its own.
 */
import * as Effect from "effect/Effect"
import * as SqlClient from "effect/sql/SqlClient"

/**
 * Times are in milliseconds since 1970, by the database's clock. The table is unlogged: no turn waits for the disk. After a
 * crash of the server it is empty, and all buckets are full.
 */
export const make = Effect.gen(function* () {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE UNLOGGED TABLE patchbay_limits (
    limiter text NOT NULL,
    algorithm text NOT NULL,
    tokens float8 NOT NULL,
    at float8 NOT NULL,
    PRIMARY KEY (limiter, algorithm)
  ) WITH (fillfactor = 50)`
  // A clock that was set back must not make everyone wait for as long.
  yield* sql`CREATE FUNCTION patchbay_token_bucket(
    name text, take float8, size float8, refill float8, overflow boolean, OUT remaining float8, OUT elapsed float8
  ) LANGUAGE plpgsql AS $$
  DECLARE
    held float8;
    since float8;
    instant float8;
    steps float8;
  BEGIN
    INSERT INTO patchbay_limits AS own VALUES (name, 'token-bucket', size, extract(epoch FROM clock_timestamp()) * 1000)
      ON CONFLICT DO NOTHING;
    SELECT tokens, at INTO STRICT held, since FROM patchbay_limits
      WHERE limiter = name AND algorithm = 'token-bucket' FOR UPDATE;
    instant := extract(epoch FROM clock_timestamp()) * 1000;
    since := least(since, instant);
    steps := floor((instant - since) / refill);
    IF steps > 0 THEN
      held := least(size, held + steps);
      since := since + steps * refill;
    END IF;
    IF held >= size THEN
      held := size;
      since := instant;
    END IF;
    remaining := held - take;
    IF remaining >= 0 OR overflow THEN
      held := remaining;
    END IF;
    elapsed := greatest(0, instant - since);
    UPDATE patchbay_limits SET tokens = held, at = since WHERE limiter = name AND algorithm = 'token-bucket';
  END $$`
  yield* sql`CREATE FUNCTION patchbay_fixed_window(
    name text, take float8, refill float8, most float8, OUT counted float8, OUT ttl float8
  ) LANGUAGE plpgsql AS $$
  DECLARE
    held float8;
    ends float8;
    instant float8;
  BEGIN
    INSERT INTO patchbay_limits AS own VALUES (name, 'fixed-window', 0, 0) ON CONFLICT DO NOTHING;
    SELECT tokens, at INTO STRICT held, ends FROM patchbay_limits
      WHERE limiter = name AND algorithm = 'fixed-window' FOR UPDATE;
    instant := extract(epoch FROM clock_timestamp()) * 1000;
    IF ends <= instant THEN
      held := 0;
      ends := instant;
    END IF;
    counted := held + take;
    IF most IS NULL OR counted <= most THEN
      ends := ends + refill * take;
      IF take <> 0 THEN
        UPDATE patchbay_limits SET tokens = counted, at = ends WHERE limiter = name AND algorithm = 'fixed-window';
      END IF;
    END IF;
    ttl := ends - instant;
  END $$`
  yield* sql`CREATE UNLOGGED TABLE patchbay_circuits (
    circuit text PRIMARY KEY,
    state text NOT NULL DEFAULT 'Closed',
    generation bigint NOT NULL DEFAULT 0,
    outcomes text NOT NULL DEFAULT '',
    streak integer NOT NULL DEFAULT 0,
    openings integer NOT NULL DEFAULT 0,
    open_until float8 NOT NULL DEFAULT 0,
    last_open_for float8 NOT NULL DEFAULT 0,
    reset_at float8 NOT NULL DEFAULT 0,
    lease_until float8 NOT NULL DEFAULT 0
  ) WITH (fillfactor = 50)`
  // Admits one call: as the probe where the circuit has been open for long enough and nobody holds the lease of the probe.
  yield* sql`CREATE FUNCTION patchbay_circuit_admit(
    name text, lease float8, OUT seen text, OUT wait float8, OUT stamp bigint, OUT opened integer
  ) LANGUAGE plpgsql AS $$
  DECLARE
    own patchbay_circuits%ROWTYPE;
    instant float8;
  BEGIN
    INSERT INTO patchbay_circuits (circuit) VALUES (name) ON CONFLICT DO NOTHING;
    SELECT * INTO STRICT own FROM patchbay_circuits WHERE circuit = name FOR UPDATE;
    instant := extract(epoch FROM clock_timestamp()) * 1000;
    seen := own.state;
    IF own.state = 'Closed' THEN
      IF own.openings > 0 AND instant >= own.reset_at THEN
        own.openings := 0;
        UPDATE patchbay_circuits SET openings = 0 WHERE circuit = name;
      END IF;
    ELSIF own.state = 'Open' AND instant < own.open_until THEN
      wait := own.open_until - instant;
    ELSIF own.state = 'HalfOpen' AND instant < own.lease_until THEN
      wait := 0;
    ELSE
      own.generation := own.generation + 1;
      UPDATE patchbay_circuits SET state = 'HalfOpen', generation = own.generation, lease_until = instant + lease
        WHERE circuit = name;
    END IF;
    stamp := own.generation;
    opened := own.openings;
  END $$`
  yield* sql`CREATE FUNCTION patchbay_circuit_record(
    name text, stamp bigint, outcome text, open_for float8, failures integer, size integer, fewest integer,
    threshold float8, OUT became text, OUT opened integer, OUT was text
  ) LANGUAGE plpgsql AS $$
  DECLARE
    own patchbay_circuits%ROWTYPE;
    instant float8;
    failed integer;
    trips boolean := false;
  BEGIN
    SELECT * INTO own FROM patchbay_circuits WHERE circuit = name AND generation = stamp FOR UPDATE;
    IF NOT FOUND OR own.state = 'Open' THEN
      RETURN;
    END IF;
    was := own.state;
    instant := extract(epoch FROM clock_timestamp()) * 1000;
    IF outcome = 'Ignored' THEN
      IF own.state = 'HalfOpen' THEN
        UPDATE patchbay_circuits SET generation = stamp + 1, lease_until = 0 WHERE circuit = name;
      END IF;
      RETURN;
    END IF;
    IF own.state = 'HalfOpen' THEN
      trips := outcome = 'Failure';
      IF NOT trips THEN
        became := 'Closed';
        opened := own.openings;
        UPDATE patchbay_circuits SET state = 'Closed', generation = stamp + 1, outcomes = '', streak = 0, lease_until = 0,
          reset_at = instant + own.last_open_for WHERE circuit = name;
        RETURN;
      END IF;
    ELSE
      own.streak := CASE WHEN outcome = 'Failure' THEN own.streak + 1 ELSE 0 END;
      IF failures IS NOT NULL THEN
        trips := own.streak >= failures;
      ELSE
        own.outcomes := right(own.outcomes || CASE WHEN outcome = 'Failure' THEN '1' ELSE '0' END, size);
        failed := length(replace(own.outcomes, '0', ''));
        trips := length(own.outcomes) >= fewest AND failed > 0 AND failed::float8 / length(own.outcomes) >= threshold;
      END IF;
    END IF;
    IF NOT trips THEN
      UPDATE patchbay_circuits SET streak = own.streak, outcomes = own.outcomes WHERE circuit = name;
      RETURN;
    END IF;
    became := 'Open';
    opened := own.openings + 1;
    UPDATE patchbay_circuits SET state = 'Open', generation = stamp + 1, outcomes = '', streak = 0, lease_until = 0,
      openings = opened, open_until = instant + open_for, last_open_for = open_for WHERE circuit = name;
  END $$`
})
