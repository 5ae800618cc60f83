"""Replies as models write them, with the markup that may go out of sight between `⟦` and `⟧`.

`⟦markup→sight⟧` is markup that something else stands for, such as `⟦&lt;→<⟧`.
"""

from __future__ import annotations

FORMULAS = {
    "dollars": r"Let $x^*_1 + y^*_2 = a_{i} * b_{i}$ and $f_*(x)_* = \{1, 2\}$.",
    "alone": r"$a_1$",
    "bold around": r"⟦**⟧So $x_i^* \ne y_i^*$ holds⟦**⟧.",
    "parentheses": r"So \(a*b*c\) and \(\frac{a_b}{c_d} \, \cdot \_\) hold, ⟦\⟧\(not).",
    "brackets": "We get\n\\[\nx^*_1\n+ y^*_2 \\\\\n- z\n= 1\n\\]\nand ⟦*⟧go on⟦*⟧.",
    "brackets in a line": r"Then \[ a*b*c = \{d\} \] follows, \[1\] too.",
    "display": "$$\n\\begin{aligned}\na &= b_* \\\\\n  &< c^*\n\\end{aligned}\n$$\n\n⟦**⟧Done⟦**⟧",
    "display in a line": r"So $$a_i * b_i * c$$ is ⟦**⟧it⟦**⟧.",
    "display below words": "Here:\n$$\n+ a\n- b\n# c\n> d\n1. e\n=\n$$\nEnd.",
    "environment": "\\begin{pmatrix}\n1 & 2 \\\\\n* & _x_\n\\end{pmatrix}\n\nand ⟦_⟧so⟦_⟧",
    "environment in a line": r"\begin{cases} a_*b_* \end{cases}",
    "in a list": "⟦- ⟧First $a*b*c$\n⟦- ⟧Then\n  $$\n  - x^*_1 \\\\\n  + y^*_2\n  $$\n⟦- ⟧Last",
    "in a quotation": "⟦> ⟧Said \\(a*b*c\\)\n⟦> ⟧$$\n⟦> ⟧- x^*\n⟦> ⟧$$",
    "in a heading": r"⟦## ⟧The norm $\|x\|_2^*$ of $a_*$",
    "money": "It costs $5 to ⟦**⟧$10⟦**⟧, US$ 3 or $2/$3 and ⟦*⟧$1⟦*⟧.",
    "shell": "Use $HOME and ⟦**⟧$PATH⟦**⟧, or ${X} or $$.",
    "beside Chinese": r"从$x_1*y*z$到\(a*b*c\)的⟦**⟧和⟦**⟧，以及$n_*$。",
    "beside code": "⟦`⟧$a$ \\(b\\)⟦`⟧ costs $3 and ⟦`⟧x$⟦`⟧",
    "bare LaTeX": r"The set \{x \in \mathbb{R} : x \, \% \; 2 = 0\} of \alpha_i",
    "spaces": r"It is x\,dx, a\;b, a\:b, a\!b and \!\int; so ⟦\⟧!",
    "environment in a sentence": r"Then \begin{pmatrix} a_* \\ b_* \end{pmatrix} is ⟦**⟧it⟦**⟧.",
    "bare": "2**10 and 2**20, 2*3*4, w*h*d, f(x)*g(y)*h, (a+b)*(c+d)*e, x**2 + y**2",
}

NAMES = {
    "snakes": "Call snake_case_name, _private, __private and MAX_LEN_OF_X.",
    "python": "The __init__ of __main__.py, obj.__own__, __own__() and ⟦`⟧__name__⟦`⟧.",
    "emphasis": "⟦_⟧One⟦_⟧ ⟦__⟧two⟦__⟧ ⟦***⟧three⟦***⟧ ⟦~~⟧gone⟦~~⟧ ⟦**⟧a ⟦*⟧b⟦*⟧⟦**⟧.",
    "initials": "⟦**⟧L⟦**⟧arge ⟦**⟧L⟦**⟧anguage ⟦**⟧M⟦**⟧odel, micro**soft**",
    "arguments": "Give *args and **kwargs, or *args, **kwargs.",
    "tildes": "From ~5 to ~10, 10~20分、30~40分, ~/.bashrc and ~/x~",
    "stars": "All *.py and *.txt, a * b * c, 5 * 3",
    "indices": "arr[0](x), f[i][j], [ ] and [x] and [1] and [a][b]",
    "paths": r"C:\Users\name\Documents and D:\data\x",
    "hashes": "#hashtag and C# and F#\n\n#5 is not a heading\n\n⟦# ⟧But C# is",
    "escapes": r"1⟦\⟧. ⟦\⟧*no⟦\⟧* snake⟦\⟧_case ⟦\⟧# ⟦\⟧`x⟦\⟧` ⟦\⟧$5 \d \w",
    "comparisons": "a < b > c, x<y, i<=n, vector<int> v, List<T>, 5 > 3 & 2 && 1",
}

WRITING = {
    "Chinese": "这是⟦**⟧重点⟦**⟧，⟦**⟧「引用」⟦**⟧和⟦*⟧斜体⟦*⟧。⟦**⟧注意：⟦**⟧请看⟦**⟧（一）⟦**⟧后",
    "Japanese": "これは⟦**⟧太字（bold）⟦**⟧です。⟦**⟧⟦`⟧コード⟦`⟧⟦**⟧も⟦~~⟧消す⟦~~⟧はい",
    "Korean": "⟦**⟧마크다운(Markdown)⟦**⟧은 ⟦*⟧쉽다.⟦*⟧그래서",
    "emoji": "⟦**⟧✅ Done⟦**⟧🎉 a⟦**⟧😀⟦**⟧b ⟦*⟧👍🏽⟦*⟧👨‍👩‍👧 ⟦**⟧⚠️ Note:⟦**⟧ 🇩🇪",
    "others": "Это ⟦**⟧«важно»⟦**⟧, ⟦*⟧été⟦*⟧, η ⟦**⟧Αθήνα⟦**⟧",
    "lines": "Roses are red,\nviolets are blue  \nand so⟦\\⟧\non",
}

BLOCKS = {
    "bullets": "⟦- ⟧a\n  ⟦* ⟧b\n    ⟦+ ⟧c\n\n      more of c\n⟦-⟧\n⟦- - ⟧d\n\nafter",
    "deep": "\n".join("  " * depth + f"⟦- ⟧level {depth}" for depth in range(14)),
    "numbers": "1. a\n2. b\n   1) c\n   2) d\n3. e\n\nlater\n\n7. f\n8. g",
    "all one": "1. a\n⟦1.→2.⟧ b\n⟦1.→3.⟧ c",
    "countdown": "3. a\n2. b\n1. c\n\nlater\n\n1986. A good year\n\nthen\n\n0. zero",
    "tasks": "⟦- [x] ⟧done\n⟦- [ ] ⟧⟦**⟧to do⟦**⟧\n⟦- ⟧[ ]\n⟦- ⟧[y] no task",
    "quotations": "⟦> ⟧a\n⟦> > ⟧b\nstill b\n\n⟦> - ⟧c",
    "headings": "⟦# ⟧One\n⟦## ⟧Two⟦ ##⟧\n⟦###### ⟧Six\n####### no\n\nFive\n⟦===⟧\n\n⟦***⟧\nend",
    "code": "Do ⟦``⟧a ` b⟦``⟧:\n\n⟦````md⟧\n```py\n__x__ *y*\n```\n⟦````⟧\n⟦~~~⟧\n$a$ <b>\n⟦~~~⟧",
    "open code": "So:\n\n⟦```py⟧\n__x__ *y*\n``\n~~~",
    "code in a list": "1. Do\n   ⟦```py⟧\n   a_b = `c` * 2\n   ⟦```⟧\n   then\n2. End",
    "indented code": "Text\n\n    a * b * c\n    <br> `x`\n\nend",
    "html": "<div class='x'>*</div> a<br>b <!-- c --> </p>\n\n<p>\n\n⟦**⟧in⟦**⟧\n\n</p>",
    "entities": "⟦&lt;→<⟧b⟦&gt;→>⟧ ⟦&amp;→&⟧ ⟦&#42;→*⟧ ⟦&copy;→©⟧ AT&T &unknown; x&y=1",
    "footnotes": "A claim[^1] and[^note].\n\n[^1]: Word\n[^note]: https://example.org/a",
    "definitions": "See [the docs][1] or [2].\n\n[1]: https://example.org/a_b_c\n[2]: /x 'title'",
    "links": "⟦[⟧a⟦](https://example.org/a_(b))⟧ ⟦<⟧https://x.org/y⟦>⟧ [rel](x.md) [](file:///)",
    "bare links": "At https://x.org/a_b_c/*d*/__e__?x=1&y=%20z, www.x.org/_f_. or me_x@x.org!",
    "wide links": "请看https://x.org/页。然后⟦**⟧https://x.org/a⟦**⟧，完（https://x.org）",
    "images": "⟦![→[image: ⟧alt⟦](https://x.org/x.png)→]⟧ and ![rel](x.png)",
    "front matter": "⟦---⟧\ntitle: x_y_z\n⟦---⟧\ntext",
}

TABLES = {
    "plain": "⟦|⟧A⟦|⟧B⟦|⟧\n⟦|---|:-:|⟧\n⟦|⟧one⟦<br>⟧two⟦|⟧⟦`⟧x⟦`⟧⟦|⟧\n⟦|⟧⟦**⟧a⟦**⟧⟦| |⟧",
    "pipes": "⟦|⟧A⟦|⟧B⟦|⟧\n⟦|-|-|⟧\n⟦|⟧⟦`⟧a ⟦\\⟧| b⟦`⟧⟦|⟧c ⟦\\⟧| d⟦|⟧\n⟦|⟧⟦`⟧e|f⟦`⟧⟦|⟧$P(A|B)$⟦|⟧",
    "surplus": "⟦|⟧A⟦|⟧B⟦|⟧\n⟦|-|-|⟧\n⟦|⟧1⟦|⟧2|3|4⟦|⟧\n⟦|⟧5⟦|⟧\n⟦| |⟧x| |y⟦|⟧",
    "formulas": "A ⟦|⟧ B\n⟦---|---⟧\n$\\|x\\|_*$ ⟦|⟧ \\(a*b*c\\)\n$5 ⟦|⟧ $6",
    "below words": "See\n⟦|⟧A⟦|⟧B⟦|⟧\n⟦|-|-|⟧\n⟦|⟧1⟦|⟧2⟦|⟧\n\nend",
    "in a list": "⟦- ⟧See\n\n  ⟦|⟧A⟦|⟧B⟦|⟧\n  ⟦|-|-|⟧\n  ⟦|⟧1⟦|⟧2⟦|⟧\n\n⟦- ⟧End",
    "in a quotation": "⟦> |⟧A⟦|⟧B⟦|⟧\n⟦> |-|-|⟧\n⟦> |⟧1⟦|⟧2⟦|⟧",
    "no table": "a | b | c\nd | e\n\n| x |\n\n| p | q |\n|---|\n| 1 | 2 |",
}

WORDS = [*FORMULAS.items(), *NAMES.items(), *WRITING.items(), *BLOCKS.items()]
REPLIES = [*WORDS, *TABLES.items()]
