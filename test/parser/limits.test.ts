/** Long chains, deep nesting, hostile texts: everything ends quickly, with a tree or with one clear error. */
import test from 'ava'
import { BallistaError } from '../../src/common/errors.js'
import {
  MAX_NESTING,
  MAX_SQL_LENGTH,
  parseExpression,
  parseStatement,
  splitStatements,
} from '../../src/parser/parse.js'

/**
 * Generous: the worst of these takes half a second on a slow core, while exponential or quadratic time would take
 * minutes.
 */
const TIME_LIMIT_MS = 10_000

const TOO_DEEP = 'the query is nested over 128 levels deep here; split it with WITH or views'

const nest = (depth: number, open: string, middle: string, close: string): string =>
  open.repeat(depth) + middle + close.repeat(depth)

function outcome(action: () => unknown): string {
  try {
    action()
    return 'ok'
  } catch (error) {
    if (error instanceof BallistaError) return error.message
    throw error
  }
}

/** The longest path from a node to a leaf, counted without recursion. */
function heightOf(root: unknown): number {
  let level = [root]
  for (let height = 0; ; height++) {
    const next = level.flatMap(value => (typeof value === 'object' && value !== null ? Object.values(value) : []))
    if (next.length === 0) return height
    level = next
  }
}

test('nesting up to the limit parses, one more is refused', t => {
  t.is(MAX_NESTING, 128)
  for (const [open, middle, close, levels] of [
    ['(', '1', ')', 1],
    ['f(', '1', ')', 1],
    ['(SELECT ', '1', ')', 1],
    ['a IN (', '1', ')', 1],
    ['CASE WHEN a THEN ', '1', ' END', 1],
    ['CASE ', '1', ' WHEN 1 THEN 2 END', 1],
    ['NOT ', 'a', '', 1],
    ['- ', 'a', '', 1],
    ['EXISTS (SELECT ', '1', ')', 1],
    ['((SELECT ', '1', ' + 1) + 1)', 2],
    ['(SELECT * FROM (', 'VALUES (1)', '))', 2],
  ] as const) {
    const allowed = Math.floor((MAX_NESTING - (middle.includes('(') ? 1 : 0)) / levels)
    t.is(
      outcome(() => parseExpression(nest(allowed, open, middle, close))),
      'ok',
      open,
    )
    t.is(
      outcome(() => parseExpression(nest(allowed + 1, open, middle, close))),
      TOO_DEEP,
      open,
    )
  }
})

test('nesting within strings, names and comments does not count', t => {
  const deep = '('.repeat(1000)
  t.is(
    outcome(() => parseStatement(`SELECT '${deep}', "${deep}", $$${deep}$$ /* ${deep} */ -- ${deep}`)),
    'ok',
  )
})

test('a hundred parentheses parse within 10 ms once the code is warm', t => {
  const sql = nest(100, '(', '1', ')')
  for (let round = 0; round < 20; round++) parseExpression(sql)
  const times = Array.from({ length: 5 }, () => {
    const start = performance.now()
    parseExpression(sql)
    return performance.now() - start
  })
  t.true(Math.min(...times) < 10, `${times.join(', ')} ms`)
})

test('no alternative parses the inside of parentheses twice, also when it is wrong', t => {
  const start = performance.now()
  for (const [open, close] of [
    ['((SELECT ', ' + 1) + 2)'],
    ['substring(', ', 1, 2)'],
    ['substring(', ' FROM 1)'],
    ['try_cast(', ' AS INT)'],
    ['trim(BOTH FROM ', ')'],
    ['trim(', ')'],
    ['extract(YEAR FROM ', ')'],
    ['position(', ' IN x)'],
    ['x = ANY ((SELECT ', '))'],
    ['left(', ', 1)'],
    ['decimal(', ')'],
    ['CASE WHEN ', ' THEN 1 END'],
    ['(SELECT * FROM (VALUES (', ')))'],
    ['(SELECT * FROM ((SELECT ', ') UNION SELECT 2))'],
    ['(SELECT * FROM f(', '))'],
    ['(WITH a AS (SELECT ', ') SELECT 1)'],
    ['(FROM (SELECT ', '))'],
    ['sum(1) FILTER (WHERE ', ')'],
    ['sum(1) OVER (ORDER BY ', ')'],
  ] as const) {
    t.is(
      outcome(() => parseExpression(nest(40, open, 'x', close))),
      'ok',
      open,
    )
    t.regex(
      outcome(() => parseExpression(nest(40, open, 'x x x', close))),
      /^expected .* but found 'x'/,
      open,
    )
  }
  t.true(performance.now() - start < TIME_LIMIT_MS)
})

test('chains of ten thousand operators parse; those of AND, OR, || and UNION are balanced', t => {
  const list = (text: string, separator: string): string => Array.from({ length: 10_000 }, () => text).join(separator)
  for (const operator of ['AND', 'OR', '||', 'UNION ALL']) {
    const sql = operator === 'UNION ALL' ? list('SELECT 1', ' UNION ALL ') : `SELECT ${list('a', ` ${operator} `)}`
    const height = heightOf(parseStatement(sql))
    t.true(height < 100, `${operator}: ${height}`)
  }
  for (const operator of ['+', '-', '*', '=', 'LIKE', 'EXCEPT']) {
    const sql = operator === 'EXCEPT' ? list('SELECT 1', ' EXCEPT ') : `SELECT ${list('a', ` ${operator} `)}`
    t.is(
      outcome(() => parseStatement(sql)),
      'ok',
      operator,
    )
  }
  t.is(
    outcome(() => parseStatement(`SELECT a IN (${list('1', ', ')}), ${list('a', ', ')}`)),
    'ok',
  )
})

test('the operands of a balanced chain keep their order', t => {
  const names = Array.from({ length: 1000 }, (_, index) => `c${index}`)
  const found: string[] = []
  const collect = (node: ReturnType<typeof parseExpression>): void => {
    if (node.kind === 'binary') [node.left, node.right].forEach(collect)
    else if (node.kind === 'column') found.push(node.path[0].name)
  }
  collect(parseExpression(names.join(' AND ')))
  t.deepEqual(found, names)
})

test('a text over the limit is refused unread', t => {
  const sql = `SELECT 1 ${' '.repeat(MAX_SQL_LENGTH)}`
  t.is(
    outcome(() => parseStatement(sql)),
    `the text has ${sql.length} characters, more than the 1000000 allowed`,
  )
  t.is(
    outcome(() => parseStatement(sql.slice(0, MAX_SQL_LENGTH))),
    'ok',
  )
})

test('a megabyte of garbage is refused in time', t => {
  for (const piece of [
    'a',
    '(',
    ')',
    "'",
    '"',
    '/*',
    '*/',
    '--',
    ';',
    '$',
    '$$',
    '.',
    '1',
    ',',
    '-',
    '\0',
    '😀',
    'é',
    'a b ',
    'SELECT ',
    "E'\\",
    '((a',
  ]) {
    const sql = piece.repeat(Math.floor(MAX_SQL_LENGTH / piece.length))
    const start = performance.now()
    t.not(
      outcome(() => parseStatement(sql)),
      'ok',
      piece,
    )
    splitStatements(sql)
    t.true(performance.now() - start < TIME_LIMIT_MS, piece)
  }
})

test('random tokens give a tree or a coded error', t => {
  const seed = Number(process.env.BALLISTA_TEST_SEED ?? 20_240_607)
  t.log(`seed ${seed}`)
  const words = `SELECT FROM WHERE a b t 1 .5 ( ( ) ) , . * + - || = AND OR NOT IN AS JOIN ON CASE WHEN THEN END UNION
    ORDER BY LIMIT CAST :: INT 'x' "q" $1 ; LATERAL VALUES WITH EXISTS BETWEEN IS NULL LIKE GROUP INTERVAL DATE EXTRACT
    substring trim`.split(/\s+/)
  let state = seed
  const random = (below: number): number => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
  const counts = { ok: 0, refused: 0 }
  for (let round = 0; round < 3000; round++) {
    const text = Array.from({ length: 1 + random(25) }, () => words[random(words.length)]).join(' ')
    const result = outcome(() => parseStatement(`SELECT ${text}`))
    counts[result === 'ok' ? 'ok' : 'refused']++
  }
  t.is(counts.ok + counts.refused, 3000)
  t.true(counts.refused > 1000)
})

test('statements are split at semicolons outside strings, names, comments and dollar quotes', t => {
  const sql = "SELECT ';' ; -- one; \n ;; SELECT \"a;b\", $$;$$, $x$;$$;$x$, E'\\';' /* ; /* ; */ ; */ , 2;\n/* end */ "
  t.deepEqual(splitStatements(sql), [
    { text: "SELECT ';'", start: 0 },
    { text: "SELECT \"a;b\", $$;$$, $x$;$$;$x$, E'\\';' /* ; /* ; */ ; */ , 2", start: 26 },
  ])
  t.deepEqual(splitStatements(' ;; -- nothing'), [])
  t.deepEqual(splitStatements("SELECT 'open; SELECT 1"), [{ text: "SELECT 'open; SELECT 1", start: 0 }])
})
