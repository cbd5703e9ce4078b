"""model2vec: static vectors of word pieces, their mean, and a linear head, without a download.

Tokenizer and size are those of the pretrained potion-base-8M (30,000 word pieces at most, 256 dimensions). The vectors
are made from the training texts instead, by a singular value decomposition of their tf-idf (Deerwester et al. 1990);
this changes the accuracy, but neither the bytes of a row nor the work for a text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunetext.peers.registry import Peer, PeerTraining, bytes_on_disk, folder_of

if TYPE_CHECKING:
    from importlib.metadata import Distribution

    from tokenizers import Tokenizer

PIECES, MODEL2VEC_DIMENSIONS, ROUNDS = 30_000, 256, 2
SPECIAL = ["[PAD]", "[UNK]"]
MODEL2VEC_CODE = """
from model2vec.inference import StaticModelPipeline
model = StaticModelPipeline.from_pretrained(PATH)
def predict(texts):
    return model.predict(texts).tolist()
"""


def static(training: PeerTraining, found: Distribution) -> Peer:
    """A pipeline of vectors and head; making it needs scikit-learn."""
    import numpy as np
    from model2vec import StaticModel
    from model2vec.inference import StaticModelPipeline
    from model2vec.inference.mlp import Activation, Layer, MLPHead
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    texts, labels = training.examples.texts, training.examples.labels
    tokenizer = word_pieces(texts)
    names = tokenizer.get_vocab()
    analyzer = lambda text: tokenizer.encode(text).tokens  # noqa: E731
    vectorizer = TfidfVectorizer(analyzer=analyzer, vocabulary=names, lowercase=False)
    weights = vectorizer.fit_transform(texts)
    dimensions = min(MODEL2VEC_DIMENSIONS, min(weights.shape) - 1)
    decomposition = TruncatedSVD(dimensions, n_iter=ROUNDS, random_state=0).fit(weights)
    vectors = np.ascontiguousarray((decomposition.components_ * vectorizer.idf_).T, np.float32)
    model = StaticModel(vectors, tokenizer)
    head = LogisticRegression(max_iter=1000).fit(model.encode(texts), labels)
    coefficients, intercept = head.coef_, head.intercept_
    if len(head.classes_) == 2:  # one row stands for both classes
        coefficients, intercept = np.vstack([-coefficients, coefficients]) / 2, np.hstack([-intercept, intercept]) / 2
    # The file is written in the arrays' memory order, which must be row by row.
    layer = Layer(np.ascontiguousarray(coefficients, np.float32), np.ascontiguousarray(intercept, np.float32))
    path = training.folder / "model2vec"
    mlp = MLPHead([layer], Activation.SOFTMAX, np.array([str(label) for label in head.classes_]))
    StaticModelPipeline(model, mlp).save_pretrained(str(path))
    (path / "README.md").unlink(missing_ok=True)  # the card belongs to no model
    return Peer(
        found.name,
        found.version,
        MODEL2VEC_CODE,
        str(path),
        bytes_on_disk(path),
        threaded=True,
        folder=folder_of(found),
    )


def word_pieces(texts: list[str]) -> Tokenizer:
    """BERT's tokenizer with pieces of these texts."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=PIECES, special_tokens=SPECIAL, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer
