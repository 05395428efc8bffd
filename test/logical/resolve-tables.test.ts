/** Looking up what a query names: tables of one query at once, as if one had been asked for after the other. */
import test from 'ava'
import { deferred } from '../../src/common/deferred.js'
import { fail } from '../../src/common/errors.js'
import { resolveTables, tableReferences, type TableResolver } from '../../src/logical/bind/tables.js'
import { parseQuery } from '../../src/parser/parse.js'
import { plannedTable, schemaFrom } from '../helpers/catalog.js'

const query = parseQuery('SELECT * FROM one, two, one AS again')
const context = { now: 0n, functions: new Map<string, string>() }
const [first, second] = tableReferences(query)
  .filter((reference, i, all) => i === all.findIndex(other => nameOf(other) === nameOf(reference)))
  .map(nameOf)

function nameOf(reference: ReturnType<typeof tableReferences>[number]): string {
  return reference.kind === 'table' ? reference.name[0].name : ''
}

test('all tables of a query are asked for before the first answers, each once', async t => {
  const answer = deferred<void>()
  const asked: string[] = []
  const resolver: TableResolver = {
    async table([name]) {
      asked.push(name)
      await answer.promise
      return plannedTable(schemaFrom('a:bigint'))
    },
  }
  const resolving = resolveTables(query, resolver, context)
  t.deepEqual(asked, [first, second])
  answer.resolve()
  t.is((await resolving).size, 2)
})

test('of several that fail, the error of the first is thrown, though it comes last', async t => {
  const late = deferred<void>()
  let isDone = false
  const resolver: TableResolver = {
    async table([name]) {
      if (name === second) {
        late.resolve()
        throw fail('TABLE_NOT_FOUND', [name, ''])
      }
      await late.promise
      isDone = true
      throw fail('TABLE_NOT_FOUND', [name, ''])
    },
  }
  const error = await t.throwsAsync(resolveTables(query, resolver, context))
  t.true(error.message.includes(`'${first}'`), error.message)
  t.true(isDone)
})
