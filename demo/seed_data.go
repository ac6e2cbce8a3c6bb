package demo

import "github.com/bellhop/bellhop/demo/domain"

// say is a text in both languages.
func say(english, korean string) domain.Text { return domain.Text{Text: english, Korean: korean} }

// seedSteps are the examples, the oldest first.
var seedSteps = []seedStep{
	seedPost("haru", "talk", "none",
		say("How do you introduce a new cat to an old one?", "새 고양이와 오래 산 고양이, 어떻게 소개하나요?"),
		say("Separate rooms for a week, swapped blankets, then breakfast on either side of a door. What worked for you?",
			"일주일은 방을 따로 쓰고, 담요를 바꿔 주고, 그다음엔 문을 사이에 두고 아침을 먹였어요. 여러분은 어떻게 하셨나요?")),
	seedProject("tomas", 4,
		say("Reading “Designing Data-Intensive Applications”", "“데이터 중심 애플리케이션 설계” 함께 읽기"),
		say("One chapter a week, on Thursday evenings. We draw a lot of boxes and argue about arrows.",
			"매주 목요일 저녁, 한 주에 한 장씩 읽습니다. 상자를 그리고 화살표를 두고 토론해요.")),
	seedPost("sora", "stories", "rabbit",
		say("Clover, six months later", "클로버, 여섯 달 뒤"),
		say("She used to hide under the sofa whenever the kettle clicked. Now she waits beside it.",
			"주전자 소리만 나도 소파 밑에 숨던 아이가 이제는 그 옆에서 기다립니다.")),
	seedLikes(1, "mina", "haru", "jonas"),
	seedComment("mina", 0, -1, say("A week is short for an old lady cat. Ours took a month, and now they share a box.",
		"나이 든 고양이에겐 일주일이 짧아요. 우리 집은 한 달 걸렸고, 지금은 상자 하나를 같이 써요.")),
	seedPost("mina", "adopt", "cat",
		say("Two kittens looking for one sofa", "소파 하나를 찾는 새끼 고양이 둘"),
		say("Miso is brave, Tofu is polite. They sleep in a heap and should move together.",
			"미소는 용감하고 두부는 예의 발라요. 늘 포개어 자니 함께 가야 합니다.")),
	seedProject("sora", 2,
		say("A weather station for the school roof", "학교 옥상 기상 관측소 만들기"),
		say("Sensors, a small board, a page that shows the wind. Looking for somebody who can solder, and somebody who likes charts.",
			"센서와 작은 보드, 바람을 보여 주는 페이지. 납땜할 줄 아는 분과 차트를 좋아하는 분을 찾아요.")),
	seedComment("mina", 2, -1, say("Ask me anything about them.", "궁금한 건 무엇이든 물어보세요.")),
	// A reply: a comment would be replaced in her bell by the first one that a
	// visitor writes, and the number beside it would stay.
	seedComment("jonas", 2, 1, say("Would they mind an old dog who snores?", "코 고는 노견과 함께여도 괜찮을까요?")),
	seedComment("mina", 2, 2, say("Tofu snores louder. Come and meet them on Saturday!", "두부가 더 크게 골아요. 토요일에 보러 오세요!")),
	seedLikes(2, "jonas", "sora"),
	seedPost("jonas", "found", "dog",
		say("Small brown dog near the river", "강가에서 갈색 강아지를 보호 중입니다"),
		say("No chip, a red ribbon, knows “sit” in two languages. She is warm and fed; whose is she?",
			"칩은 없고 빨간 리본을 했어요. 두 나라 말로 “앉아”를 알아듣습니다. 따뜻하게 잘 있는데, 누구네 강아지일까요?")),
	seedApplication("haru", 0, say("I have read it twice and understood it once.", "두 번 읽었고 한 번 이해했어요."), "tomas"),
	seedApplication("jonas", 1, say("I can solder, and I own a ladder.", "납땜할 수 있고 사다리도 있어요."), ""),
	seedNote("sora", "mina", say("The carrier you lent me is washed and by your door. Thank you!", "빌려주신 이동장은 씻어서 문 앞에 두었어요. 고마워요!")),
	seedMessage("jonas", "mina", say("Is Saturday at three still good?", "토요일 세 시, 그대로 괜찮을까요?")),
	seedPost("tomas", "adopt", "bird",
		say("A canary who sings only on Mondays", "월요일에만 노래하는 카나리아"),
		say("Cheerful otherwise. Comes with a cage, a swing and a calendar.", "다른 날에는 그냥 명랑해요. 새장과 그네, 달력을 함께 드립니다.")),
	seedRaffle("sora", say("A weekend at the seaside, dog welcome", "강아지와 함께하는 바닷가 주말"),
		"mina", "haru", "tomas", "mina", "haru", "jonas"),
}
