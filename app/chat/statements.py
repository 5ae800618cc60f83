"""SQL statements of the chat store."""

# As bytes, because passing damaged text to a function would abort the query.
SEARCH = """
    WITH searched AS MATERIALIZED (
        SELECT *, (
            SELECT text FROM message
            WHERE message.chat = chat.id AND instr(folded(CAST(text AS BLOB)), :wanted)
            ORDER BY message.id LIMIT 1
        ) AS found FROM chat
    )
    SELECT * FROM searched
    WHERE found IS NOT NULL OR instr(folded(CAST(title AS BLOB)), :wanted)
    ORDER BY updated DESC, id DESC
"""

INSERT_CHAT = """
    INSERT INTO chat (title, model, created, updated, settings)
    VALUES (:title, :model, :created, :updated, :settings) RETURNING *
"""

INSERT_MESSAGE = """
    INSERT INTO message (
        chat, parent, role, state, reason, model, tokens, tokens_per_second,
        seconds_to_first_token, created, text, thoughts, code
    ) VALUES (
        :chat, :parent, :role, :state, :reason, :model, :tokens, :tokens_per_second,
        :seconds_to_first_token, :created, :text, :thoughts,
        :code
    ) RETURNING *
"""

SHOW_NEW_MESSAGE = """
    UPDATE chat SET active_leaf = :leaf, updated = :now, title = iif(title = '', :title, title)
    WHERE id = :chat
"""

APPEND_TEXT = """
    UPDATE message SET text = text || :text, thoughts = thoughts || :thoughts WHERE id = :id
"""

FINISH_MESSAGE = """
    UPDATE message SET state = :state, text = ifnull(:text, text), reason = :reason, code = :code,
        tokens = :tokens, tokens_per_second = :speed, seconds_to_first_token = :wait
    WHERE id = :id
"""

END_INTERRUPTED = """
    UPDATE message SET state = iif(text || thoughts = '', 'failed', 'stopped'), reason = :reason
    WHERE state = 'streaming'
"""

SIBLINGS = """
    SELECT other.* FROM message AS other JOIN message AS this
    ON other.chat = this.chat AND other.parent IS this.parent
    WHERE this.id = :id ORDER BY other.id
"""

# In one statement, because SQLite limits cascades to a depth of 1,000 messages.
DELETE_BRANCH = """
    WITH RECURSIVE below (id) AS (
        SELECT :id UNION
        SELECT message.id FROM message JOIN below ON message.parent = below.id
    )
    DELETE FROM message WHERE id IN below
"""

# Each fails if a column is missing that the version of its place in the tuple, from 1, added.
USE_COLUMNS = (
    """
    SELECT chat.id, title, chat.model, chat.created, updated, active_leaf,
        message.id, chat, parent, role, state, reason, message.model, tokens, tokens_per_second,
        seconds_to_first_token, message.created, text, thoughts
    FROM chat JOIN message ON message.chat = chat.id LIMIT 1
    """,
    "SELECT settings FROM chat LIMIT 1",
    "SELECT code FROM message LIMIT 1",
)
