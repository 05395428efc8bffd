/**
 * Runs the fixtures of every logical rule: test/rules/<rule>.txt.
 *
 * A fixture is blocks separated by blank lines. `rewrite`: a query, `----`, the plan that the rule makes of it.
 * `unchanged`: queries (a line each) on which the rule must not fire. `same`: queries that must give one plan. A first
 * block `after: a, b` names rules that run before (once each). Lines that start with # are comments. UPDATE=1 fills the
 * expected plans.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { seededRng } from '../../src/common/clock.js'
import { isView } from '../../src/catalog/catalog.js'
import { displayLogical } from '../../src/logical/display.js'
import type { LogicalPlan } from '../../src/logical/plan.js'
import { optimize } from '../../src/optimizer/optimizer.js'
import type { LogicalRule } from '../../src/optimizer/rule.js'
import { LOGICAL_RULES } from '../../src/optimizer/rules/index.js'
import { planOf, smallCatalog } from '../helpers/catalog.js'
import { isAmbiguous, randomRows, rowKey, runPlan, type Data } from '../helpers/run-plan.js'

const FOLDER = join(process.cwd(), 'test/rules')
const SEED = Number(process.env.SEED ?? 20_261_122)
const ROUNDS = 5
const ROWS = 12

interface Block {
  readonly kind: 'rewrite' | 'unchanged' | 'same' | 'after' | 'comment'
  readonly lines: readonly string[]
}

const catalog = smallCatalog()
const ruleNamed = (name: string): LogicalRule => {
  const rule = LOGICAL_RULES.find(candidate => candidate.name === name)
  if (rule === undefined) throw new RangeError(`no rule ${name}`)
  return rule
}

function blocksOf(text: string): readonly Block[] {
  return text
    .trim()
    .split(/\n{2,}/)
    .map((block): Block => {
      const [head, ...lines] = block.split('\n')
      if (head.startsWith('#')) return { kind: 'comment', lines: [head, ...lines] }
      if (head.startsWith('after:'))
        return {
          kind: 'after',
          lines: head
            .slice('after:'.length)
            .split(',')
            .map(name => name.trim()),
        }
      if (head === 'rewrite' || head === 'unchanged' || head === 'same') return { kind: head, lines }
      throw new RangeError(`a fixture block starts with rewrite, unchanged, same, after: or #, not '${head}'`)
    })
}

function blockText({ kind, lines }: Block): string {
  if (kind === 'comment') return lines.join('\n')
  return kind === 'after' ? `after: ${lines.join(', ')}` : [kind, ...lines].join('\n')
}

const randomData = (round: number): Data => {
  const rng = seededRng(SEED + round)
  return new Map(
    catalog.list().flatMap(({ entry }) => (isView(entry) ? [] : [[entry, randomRows(entry, ROWS, rng)] as const])),
  )
}

/** The rows of both plans on random tables; as text, sorted; only their number where LIMIT may choose. */
function rowsOf(plan: LogicalPlan, other: LogicalPlan, data: Data): readonly string[] | number {
  const rows = runPlan(plan, data)
  return isAmbiguous(plan) || isAmbiguous(other) ? rows.length : rows.map(rowKey).sort()
}

for (const file of readdirSync(FOLDER)
  .filter(name => name.endsWith('.txt'))
  .sort()) {
  const rule = ruleNamed(file.replace(/\.txt$/, ''))
  const path = join(FOLDER, file)
  const blocks = blocksOf(readFileSync(path, 'utf8'))
  const earlier = blocks.flatMap(block => (block.kind === 'after' ? block.lines.map(ruleNamed) : []))
  const before = async (sql: string): Promise<LogicalPlan> =>
    optimize(await planOf(sql, catalog), { rules: earlier, maxPasses: 1 })
  const applied = (plan: LogicalPlan): LogicalPlan => optimize(plan, { rules: [rule], maxPasses: 1 })

  test(`${rule.name} rewrites what its fixture says, and nothing else`, async t => {
    for (const block of blocks) {
      const separator = block.lines.indexOf('----')
      if (block.kind === 'rewrite') {
        const sql = block.lines.slice(0, separator < 0 ? undefined : separator).join('\n')
        const plan = await before(sql)
        const after = applied(plan)
        if (process.env.UPDATE !== '1') t.is(displayLogical(after), block.lines.slice(separator + 1).join('\n'), sql)
        t.false(after === plan, `${rule.name} does not fire on: ${sql}`)
        t.true(applied(after) === after, `${rule.name} fires again on its own result: ${sql}`)
        for (let round = 0; round < ROUNDS; round++) {
          const data = randomData(round)
          t.deepEqual(rowsOf(after, plan, data), rowsOf(plan, after, data), `seed ${SEED}, round ${round}: ${sql}`)
        }
      } else if (block.kind === 'unchanged') {
        for (const sql of block.lines) {
          const plan = await before(sql)
          t.is(displayLogical(applied(plan)), displayLogical(plan), sql)
          t.true(applied(plan) === plan, sql)
        }
      } else if (block.kind === 'same') {
        const plans = await Promise.all(block.lines.map(async sql => displayLogical(applied(await before(sql)))))
        for (const plan of plans) t.is(plan, plans[0])
      }
    }
  })

  if (process.env.UPDATE === '1') {
    test.after.always(`${rule.name}: fill the fixture`, async () => {
      const filled = await Promise.all(
        blocks.map(async (block): Promise<string> => {
          if (block.kind !== 'rewrite') return blockText(block)
          const separator = block.lines.indexOf('----')
          const sql = block.lines.slice(0, separator < 0 ? undefined : separator)
          const plan = displayLogical(applied(await before(sql.join('\n'))))
          return blockText({ kind: 'rewrite', lines: [...sql, '----', ...plan.split('\n')] })
        }),
      )
      writeFileSync(path, `${filled.join('\n\n')}\n`)
    })
  }
}

test('every rule has a fixture', t => {
  const fixtures = readdirSync(FOLDER)
    .filter(name => name.endsWith('.txt'))
    .map(name => name.replace(/\.txt$/, ''))
  t.deepEqual(fixtures.sort(), LOGICAL_RULES.map(rule => rule.name).sort())
})
