// A thin layer over liblmdb for lmdb.go: one C call per operation, every one of them guarded.
//
// Guarded means: a SIGBUS or SIGSEGV raised by liblmdb (it follows page numbers of a file that others
// can damage or truncate), or a failed assertion in it, does not end the process but makes the call
// return KR_FAULT or KR_ASSERT. Handles the call worked on must not be used again then, except to
// abort them.

#include <lmdb.h>
#include <stdint.h>

enum {
	KR_FAULT = -30001,
	KR_ASSERT = -30002,
};

// kr_txn is a transaction with its cursors, the key and value found last, and the neighbours of what was not found.
typedef struct {
	MDB_txn *txn;
	MDB_cursor *cur, *near; // of seek and step, and of find; opened when first needed
	MDB_dbi dbi;
	size_t psize;
	int stale, near_stale; // the cursor belongs to an earlier snapshot of txn
	MDB_val k, v;
	MDB_val below, above; // of length 0 at the ends
} kr_txn;

int kr_env_open(const char *dir, size_t mapsize, unsigned readers, unsigned flags, MDB_env **env);
void kr_env_close(MDB_env *env);
int kr_env_fd(MDB_env *env);
int kr_reader_check(MDB_env *env, int *dead);

// kr_begin starts a transaction on the main database. kr_abort and kr_commit free it.
int kr_begin(MDB_env *env, unsigned flags, kr_txn **t);
int kr_commit(kr_txn *t);
void kr_abort(kr_txn *t);

// kr_renew and kr_reset take and give back the snapshot of a read transaction.
int kr_renew(kr_txn *t);
int kr_reset(kr_txn *t);

int kr_get(kr_txn *t, const char *key, size_t n);
int kr_find(kr_txn *t, const char *key, size_t n); // as kr_get; MDB_NOTFOUND comes with the neighbours below and above
int kr_seek(kr_txn *t, int floor, const char *key, size_t n); // an empty key is below all
int kr_step(kr_txn *t, int back);
int kr_put(kr_txn *t, const char *key, size_t n, int known, uint32_t tag, const char *val, size_t vn); // the tag comes before the value; known: kr_get has found nothing wrong
int kr_del(kr_txn *t, const char *key, size_t n);
int kr_drop(kr_txn *t);
int kr_stat(kr_txn *t, MDB_stat *st);

// kr_base returns the address at which the page of value t->v says that the file is mapped, or NULL.
const char *kr_base(kr_txn *t, size_t psize);

// kr_dirty makes the page of a mapped file that holds *p ready to be written to.
int kr_dirty(char *p);
